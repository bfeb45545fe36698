"""What the visitor sends."""

import pytest

from web import forms

LONG = "a" * 300 + ".jpg"


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
    ],
)
def test_a_name_is_shown_without_folders_and_without_what_cannot_be_seen(sent, shown):
    assert forms.shown_name(sent) == shown


def test_a_long_name_keeps_both_ends():
    shown = forms.shown_name(LONG)
    assert len(shown) <= 60
    assert shown.startswith("aaa") and shown.endswith("a.jpg") and "…" in shown


def test_the_two_models_carry_their_numbers_and_a_later_one_its_title():
    titles = {"covid_normal": "COVID-19 or normal", "covid_pneumo": "COVID-19 or pneumonia", "tb": "Tuberculosis"}
    assert list(forms.labels(titles).items()) == [
        ("covid_normal", "Model 1: Covid / Normal"),
        ("covid_pneumo", "Model 2: Covid / Pneumo"),
        ("tb", "Tuberculosis"),
    ]


def test_an_example_is_read_like_a_file_under_a_name_that_says_so(client):
    page = client.post("/query", data={"example": "normal", "model": "both"}).text
    assert '<h1 class="file-name">example_average_normal.png</h1>' in page
    assert "_Name_example_average_normal_" in page


def test_a_file_wins_over_an_example(client, send):
    assert '<h1 class="file-name">film.png</h1>' in send(client, example="normal").text


@pytest.mark.parametrize("name", ["nobody", "../normal", "average_normal.png"])
def test_an_example_that_is_not_on_the_form_is_refused(client, name):
    answer = client.post("/query", data={"example": name, "model": "covid_pneumo"})
    assert answer.status_code == 400
    assert "That example is not known here" in answer.text
    assert '<option value="covid_pneumo" selected>' in answer.text
