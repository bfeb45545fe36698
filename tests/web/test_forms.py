"""What the visitor sends: files by their names, or one of the examples that the form offers."""

import re
from html import unescape

import pytest

from web import forms
from web.examples import EXAMPLES, FOLDER
from web.render.averages import AVERAGES
from xray.analysis import Analyzer
from xray.registry import MODEL_DIR


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("film.png", "film.png"),
        ("фото.jpg", "фото.jpg"),
        ("胸部 X線.dcm", "胸部 X線.dcm"),
        ("../../x", "x"),
        (r"C:\films\x.png", "x.png"),
        (".jpg", ".jpg"),
        ("x.jpg.php", "x.jpg.php"),
        ("a\x00b\n.png", "ab.png"),
        ("gnp.\u202efilm.exe", "gnp.film.exe"),
        ("../", "picture"),
        (" \t", "picture"),
        ("a" * 300 + ".jpg", "a" * 29 + "…" + "a" * 25 + ".jpg"),
    ],
)
def test_a_name_is_shown_without_folders_and_without_what_cannot_be_seen(sent, shown):
    assert forms.shown_name(sent) == shown


def test_the_two_models_carry_their_numbers_and_a_later_one_its_title():
    titles = {"covid_normal": "COVID-19 or normal", "covid_pneumo": "COVID-19 or pneumonia", "tb": "Tuberculosis"}
    assert list(forms.labels(titles).items()) == [
        ("covid_normal", "Model 1: Covid / Normal"),
        ("covid_pneumo", "Model 2: Covid / Pneumo"),
        ("tb", "Tuberculosis"),
    ]


def test_the_form_offers_each_with_its_picture_its_source_and_its_licence(client):
    page = unescape(client.get("/").text)
    found = re.findall(
        r'name="example" value="(\w+)".*?src="([^"]+)".*?<strong>(.*?)</strong>.*?href="([^"]+)">(.*?)</a>',
        page,
        re.DOTALL,
    )
    assert [name for name, *_ in found] == list(EXAMPLES)
    for name, address, title, source, terms in found:
        example = EXAMPLES[name]
        with client.get(address) as picture:
            assert picture.mimetype == "image/jpeg" and len(picture.data) < 120_000
        assert (source, bool(title)) == (example.source.address, True)
        assert terms == f"{example.source.short} · {example.source.licence}"
    assert [example.name for example in EXAMPLES.values() if example.why] == ["covid_missed"]
    assert EXAMPLES["covid_missed"].why in page and "a radiograph it gets wrong" in page


def test_where_each_comes_from_is_written_down():
    words = (FOLDER / "SOURCES.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)\.jpg` \| (.*) \|$", words, re.MULTILINE))
    says = {
        "covid-19": "Looks like COVID-19",
        "other-pneumonia": "Looks like another pneumonia",
        "normal": "Looks normal",
    }
    assert list(rows) == list(EXAMPLES)
    for example in EXAMPLES.values():
        assert f"[{example.source.short}] | {example.source.licence} | {says[example.says]}" in rows[example.name]
        assert f"[{example.source.short}]: {example.source.address}\n" in words
    assert all(each.file in words and f"{each.films} " in words for each in AVERAGES.values())
    pictures = {path.name for path in FOLDER.iterdir() if path.suffix != ".md"}
    assert pictures == {each.file for each in (*EXAMPLES.values(), *AVERAGES.values())}


@pytest.fixture(scope="module")
def analyzer():
    if not any(MODEL_DIR.glob("*/metadata.json")):
        pytest.skip("needs the artefacts of model/: run `make models`")
    return Analyzer.load()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_models_say_of_each_what_its_caption_claims(analyzer, name):
    data = EXAMPLES[name].path.read_bytes()
    assert b"Exif" not in data and b"Photoshop" not in data
    first, second = analyzer.analyse(data, ["both"]).predictions
    said = (
        {"NEGATIVE": "other-pneumonia", "POSITIVE": "covid-19"}[second.verdict]
        if first.verdict == "POSITIVE"
        else first.verdict
    )
    assert said.replace("NEGATIVE", "normal") == EXAMPLES[name].says


def test_one_is_read_by_its_button_under_a_name_that_says_so(client, send):
    page = client.post("/query", data={"example": "normal", "model": "both", "turn": "90"})
    assert '<h1 class="file-name">example_normal.jpg</h1>' in page.text and "Turned by" not in page.text
    assert "_Name_example_normal_" in page.text
    assert client.get(page.headers["Content-Location"]).status_code == 200
    assert '<h1 class="file-name">example_normal.jpg</h1>' in send(client, example="normal").text
    answer = client.post("/query", data={"example": "../normal", "model": "covid_pneumo"})
    assert answer.status_code == 400 and "That example is not known here" in answer.text
    assert '<option value="covid_pneumo" selected>' in answer.text
