"""What the visitor sends: files by their names, or one of the averages that the form offers."""

import re
from html import unescape

import pytest

from web import forms
from web.forms import EXAMPLES, EXAMPLES_FOLDER
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


def test_the_form_offers_each_with_its_picture_and_says_that_it_is_nobodys(client):
    page = client.get("/").text
    examples = re.findall(
        r'name="example" value="(\w+)">\s*<img[^>]* src="([^"]+)".*?<span>(.*?)</span>', page, re.DOTALL
    )
    assert [name for name, _, _ in examples] == list(EXAMPLES)
    for _, address, label in examples:
        with client.get(address) as picture:
            assert picture.mimetype == "image/png"
        assert re.fullmatch("Average of \\d+ .*films.*, nobody’s picture", unescape(label))


def test_where_they_come_from_is_written_down():
    words = (EXAMPLES_FOLDER / "README.md").read_text(encoding="utf-8")
    for each in EXAMPLES.values():
        assert each.file in words and f"{each.films} " in words
    assert {path.name for path in EXAMPLES_FOLDER.glob("*.png")} == {each.file for each in EXAMPLES.values()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_served_models_accept_each(name):
    if not any(MODEL_DIR.glob("*/metadata.json")):
        pytest.skip("needs the artefacts of model/: run `make models`")
    analysis = Analyzer.load().analyse(EXAMPLES[name].read(), ["both"])
    assert len(analysis.predictions) == 2


def test_one_is_read_like_a_file_under_a_name_that_says_so_unless_a_file_is_sent(client, send):
    page = client.post("/query", data={"example": "normal", "model": "both"}).text
    assert '<h1 class="file-name">example_average_normal.png</h1>' in page
    assert "_Name_example_average_normal_" in page
    assert '<h1 class="file-name">film.png</h1>' in send(client, example="normal").text
    answer = client.post("/query", data={"example": "../normal", "model": "covid_pneumo"})
    assert answer.status_code == 400 and "That example is not known here" in answer.text
    assert '<option value="covid_pneumo" selected>' in answer.text
