"""Guess first, then see: nothing is given away before the guess, and the tally is kept in the address."""

import re
from html import unescape

import pytest

from tests.web.pages import text
from web.examples import EXAMPLES


def test_all_examples_are_guessed_and_counted(client):
    address, files = "/how/guess", set()
    for number in range(len(EXAMPLES)):
        page = client.get(address)
        assert f"Radiograph {number + 1} of {len(EXAMPLES)}" in text(page.text)
        assert "Known finding" not in page.text and "Looks" not in text(page.text)
        [file] = re.findall(r"examples/([\w.]+)", page.text)
        files.add(file)
        right = re.search(r'name="right" value="(\d+)"', page.text)[1]
        example = next(each for each in EXAMPLES.values() if each.file == file)
        answer = client.get(f"/how/guess?n={number}&right={right}&guess={example.known}").text
        assert f"you {number + 1} of {number + 1}" in text(answer) and example.title in text(answer)
        address = unescape(re.search(r'<a class="button" href="([^"]+)"', answer)[1])
    assert len(files) == len(EXAMPLES) and address == "/how/guess", "at the end one may start again"


@pytest.mark.parametrize("query", ["n=99", "n=-1", "n=1&right=2", "guess=cat", "right=-1"])
def test_an_address_that_cannot_be_is_not_found(client, query):
    assert client.get(f"/how/guess?{query}").status_code == 404
