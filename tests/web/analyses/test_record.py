"""What is kept of one analysis, written and read again."""

import json

import pytest

from web.analyses.records import Record, copies_in


@pytest.fixture
def text(make_record):
    return make_record(cautions=("child",)).to_json()


def without(text: str, *keys: str) -> str:
    return json.dumps({key: value for key, value in json.loads(text).items() if key not in keys})


def test_what_was_written_is_read_again_and_every_database_takes_it(make_record):
    record = make_record(name="\udcff\x00 фото «🫁».png", cautions=("inverted",))
    assert record.to_json().isascii() and "\x00" not in record.to_json()
    assert Record.from_json(record.to_json()) == record


def test_a_key_of_a_later_version_does_not_break_the_list(make_record):
    record = make_record()
    found = json.loads(record.to_json()) | {"colour": "grey", "combined": {"verdict": "NEGATIVE", "score": 0.12}}
    found["results"][0]["mood"] = "good"
    assert Record.from_json(json.dumps(found)) == record


def test_a_field_that_was_added_since_takes_its_default(make_record):
    record, added = make_record(), ["deep", "window_low", "window_high", "curve", "turn", "tilt", "opacity", "text"]
    assert Record.from_json(without(record.to_json(), *added)) == record


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '{"results": null}', '{"results": [null]}'])
def test_what_is_no_analysis_says_so(text):
    with pytest.raises(ValueError):
        Record.from_json(text)
    assert copies_in(text) == ()


def test_the_copies_are_known_though_the_rest_cannot_be_read(text, make_record):
    assert copies_in(without(text, "name", "created")) == make_record().copies
