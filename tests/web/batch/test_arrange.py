"""Sorting and filtering as a browser without JavaScript asks for it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from web.analyses.record import Record, Said
from web.batch.table import Row, arranged

SAID = Said("covid_normal", "1", "", 0, "0", 0.5, 0.4, 0.6, "covid", "normal", "covid", None, 0.3, "copy.png")
RECORD = Record("", "me", datetime.now(UTC), "", "covid_normal", 9, 9, (0, 9, 0, 9), "", (), (SAID,), None)


def row(file: str, score: float, verdict: str, *, heat: float | None = 0.5, cautions: tuple[str, ...] = ()) -> Row:
    said = replace(SAID, score=score, verdict=verdict, heat_in_lungs=heat)
    return Row(file, replace(RECORD, id=file, said=(said,), cautions=cautions))


ROWS = [
    row("B.png", 0.5, "INCONCLUSIVE", heat=None),
    Row("bad.txt", error="no"),
    row("a.png", 0.9, "POSITIVE", heat=0.1),
    row("ward/C.png", 0.1, "NEGATIVE", cautions=("child",)),
]


def files(**asked: object) -> list[str]:
    return [found.file for found in arranged(ROWS, ["covid_normal"], **asked)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("by", "down", "order"),
    [
        ("", False, ["B.png", "bad.txt", "a.png", "ward/C.png"]),
        ("no such column", True, ["B.png", "bad.txt", "a.png", "ward/C.png"]),
        ("file", False, ["a.png", "B.png", "bad.txt", "ward/C.png"]),
        ("file", True, ["ward/C.png", "bad.txt", "B.png", "a.png"]),
        ("verdict", True, ["a.png", "B.png", "ward/C.png", "bad.txt"]),
        ("covid_normal", False, ["ward/C.png", "B.png", "a.png", "bad.txt"]),
        ("covid_normal", True, ["a.png", "B.png", "ward/C.png", "bad.txt"]),
        ("heat-covid_normal", False, ["a.png", "ward/C.png", "B.png", "bad.txt"]),
    ],
)
def test_rows_are_sorted_and_those_without_a_value_stand_last(by: str, down: bool, order: list[str]) -> None:
    assert files(by=by, down=down) == order


@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        ({"kind": "POSITIVE"}, ["a.png"]),
        ({"kind": "ERROR"}, ["bad.txt"]),
        ({"kind": "CAUTION"}, ["ward/C.png"]),
        ({"text": "WARD/c"}, ["ward/C.png"]),
        ({"text": ".png", "kind": "ERROR"}, []),
    ],
)
def test_rows_are_filtered_by_what_was_found_and_by_name(asked: dict[str, str], passed: list[str]) -> None:
    assert files(**asked) == passed


def test_every_row_passes_some_filter() -> None:
    assert all(each.kinds for each in ROWS)
