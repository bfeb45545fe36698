"""The form, the pages beside it, and what an address leads to."""

import re
from html import unescape

import pytest

from xray.quality.cautions import CAUTIONS

DISCLAIMER = "For education and research only, not for diagnosis"


def test_the_form_offers_the_models_and_tells_the_limit(client):
    page = client.get("/").text
    for part in ('name="file"', 'name="model"', 'enctype="multipart/form-data"', "32 MiB", DISCLAIMER):
        assert part in page
    assert re.findall(r'<option value="([a-z_]+)"', page) == ["covid_normal", "covid_pneumo", "both"]


def test_every_label_and_description_points_at_something(client):
    page = client.get("/").text
    ids = set(re.findall(r'\sid="([^"]+)"', page))
    described = " ".join(re.findall(r'aria-\w+by="([^"]+)"', page)).split()
    labelled = re.findall(r'\sfor="([^"]+)"', page)
    assert labelled and described and {*labelled, *described} <= ids


def test_every_caution_has_its_words_on_the_page_that_explains_them(client):
    page = client.get("/about").text
    section = re.search(r"<h2>Cautions</h2>.*?</section>", page, re.DOTALL)[0]
    words = [" ".join(unescape(item).split()) for item in re.findall(r"<li>(.*?)</li>", section, re.DOTALL)]
    # The annotated copy carries the same words.
    assert [item.replace("’", "'") for item in words] == list(CAUTIONS.values())


def test_coming_back_to_the_results_address_shows_nobodys_result(client, send):
    send(client)
    answer = client.get("/query")
    assert (answer.status_code, answer.location) == (303, "/")


def test_about_names_the_models_and_the_limits(client):
    page = client.get("/about").text
    for part in (
        "Model 1: Covid / Normal",
        "Model 2: Covid / Pneumo",
        "0.40 to 0.60",
        "not a probability",
        "Both models together",
        "one NEGATIVE is enough",
        DISCLAIMER,
    ):
        assert part in page


@pytest.mark.parametrize("address", ["/batch", "/analyses", "/models", "/how", "/about", "/api"])
def test_a_slash_at_the_end_of_an_address_makes_no_difference(client, address):
    found = [client.get(each, follow_redirects=True) for each in (address, f"{address}/")]
    assert [answer.status_code for answer in found] == [200, 200]
