"""The frame of every page, and redirects back to the page that a form came from."""

import re

import pytest

from web.views.navigation import safe_address


def test_the_navigation_leads_to_pages_that_answer(client):
    nav = re.search(r"<nav.*?</nav>", client.get("/").text, re.DOTALL)[0]
    addresses = re.findall(r'href="([^"]+)"', nav)
    assert addresses[0] == "/" and len(addresses) == len(set(addresses)) > 2
    assert all(client.get(address).status_code == 200 for address in addresses)


def test_both_themes_are_announced(client):
    page = client.get("/").text
    assert '<meta name="color-scheme" content="dark light">' in page
    assert len(re.findall(r'name="theme-color"[^>]*prefers-color-scheme: (?:dark|light)', page)) == 2


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
def test_another_site_is_not(make_app, address):
    with make_app().test_request_context():
        assert safe_address(address) == "/"


@pytest.mark.parametrize("address", ["//evil.example", "/\t/evil.example", "https://evil.example"])
def test_choosing_a_language_leads_to_no_other_site(client, address):
    assert client.post("/language", data={"language": "fr", "back": address}).location == "/"
