"""The form, the pages beside it, the frame of every page, and what an address leads to."""

import re
from html import unescape

import pytest

from web.views.navigation import safe_address
from xray.quality.cautions import CAUTIONS


@pytest.mark.parametrize(
    ("host", "words"),
    [("localhost:5000", "It stays on this computer"), ("xray.example", "It goes to xray.example and nowhere else")],
)
def test_the_form_says_where_the_file_goes(client, host, words):
    assert words in client.get("/", base_url=f"http://{host}").text


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


@pytest.mark.parametrize("address", ["/batch", "/analyses", "/models", "/how", "/about", "/api"])
def test_a_slash_at_the_end_of_an_address_makes_no_difference(client, address):
    found = [client.get(each, follow_redirects=True) for each in (address, f"{address}/")]
    assert [answer.status_code for answer in found] == [200, 200]


def test_the_navigation_leads_to_pages_that_answer(client):
    nav = re.search(r"<nav.*?</nav>", client.get("/").text, re.DOTALL)[0]
    addresses = re.findall(r'href="([^"]+)"', nav)
    assert addresses[0] == "/" and len(addresses) == len(set(addresses)) > 2
    assert all(client.get(address).status_code == 200 for address in addresses)


@pytest.mark.parametrize(
    "address", ["/", "/analyses/", "/analyses/?page=2&x=%C3%A9", "/a b", "/x//y", "/é", "/?next=//x"]
)
def test_a_path_of_ours_is_gone_back_to(make_app, address):
    with make_app().test_request_context():
        assert safe_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "", "x", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example",
        "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", "/\r\nSet-Cookie: x=1", "\t//evil.example",
        " //evil.example", "/\x00/evil", "/\u2028/evil",
    ],
)  # fmt: skip
def test_another_site_is_not(client, address):
    with client.application.test_request_context():
        assert safe_address(address) == "/"
    assert client.post("/language", data={"language": "fr", "back": address}).location == "/"
