"""The frame of every page."""

import re


def test_the_navigation_leads_to_pages_that_answer(client):
    nav = re.search(r"<nav.*?</nav>", client.get("/").text, re.DOTALL)[0]
    addresses = re.findall(r'href="([^"]+)"', nav)
    assert addresses[0] == "/" and len(addresses) == len(set(addresses)) > 2
    assert all(client.get(address).status_code == 200 for address in addresses)


def test_both_themes_are_announced(client):
    page = client.get("/").text
    assert '<meta name="color-scheme" content="dark light">' in page
    assert len(re.findall(r'name="theme-color"[^>]*prefers-color-scheme: (?:dark|light)', page)) == 2
