"""What the visitor sends: files by their names, or one of the examples that the form offers."""

import re
from html import unescape

import pytest

from web import forms
from web.examples import EXAMPLES


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("film.png", "film.png"),
        ("фото.jpg", "фото.jpg"),
        ("../../x", "x"),
        (r"C:\films\x.png", "x.png"),
        ("a\x00b\n.png", "ab.png"),
        ("gnp.\u202efilm.exe", "gnp.film.exe"),
        ("../", "picture"),
        ("a" * 300 + ".jpg", "a" * 29 + "…" + "a" * 25 + ".jpg"),
    ],
)
def test_a_name_is_shown_without_folders_and_without_what_cannot_be_seen(sent, shown):
    assert forms.shown_name(sent) == shown


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
