"""The averages that the form offers."""

import re
from html import unescape

import pytest

from web.examples import EXAMPLES, FOLDER
from xray.analysis import Analyzer
from xray.registry import MODEL_DIR


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
    words = (FOLDER / "README.md").read_text(encoding="utf-8")
    for each in EXAMPLES.values():
        assert each.file in words and f"{each.films} " in words
    assert {path.name for path in FOLDER.glob("*.png")} == {each.file for each in EXAMPLES.values()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_served_models_accept_each(name):
    if not any(MODEL_DIR.glob("*/metadata.json")):
        pytest.skip("needs the artefacts of model/: run `make models`")
    analysis = Analyzer.load().analyse(EXAMPLES[name].read(), ["both"])
    assert len(analysis.predictions) == 2
