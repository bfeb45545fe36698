"""The table of a batch: sorted, filtered, kept by the page, and as CSV."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.web.results import make_result
from web.analyses.records import Record
from web.batch import table
from web.batch.table import Row, RowsError, arranged

RESULT = make_result(heat_in_lungs=0.5)
RECORD = Record(
    id="a" * 22, owner="me", created=datetime(2026, 11, 21, tzinfo=UTC), name="a.png", choice="covid_normal",
    width=100, height=50, box=(0, 50, 0, 100), outline="M0 0L20 0L20 25L0 25ZM50 0L70 0L70 25L50 25Z",
    cautions=("child", "inverted"), results=(RESULT,),
)  # fmt: skip
BOTH = replace(RECORD, results=(RESULT, make_result("covid_pneumo", 0.5, heat_in_lungs=None)))


class Kept(dict[str, Record]):
    """Stands in for the table of analyses."""

    def get(self, id: str, owner: str) -> Record | None:  # type: ignore[override]
        found = super().get(id)
        return found if found and found.owner == owner else None


def test_a_path_is_shown_without_what_disguises_it_and_its_end_stays() -> None:
    assert table.shown_path("ward\\3/\u202egnp.exe\0") == "ward/3/gnp.exe"
    long = table.shown_path(f"{'x' * 500}/film.png")
    assert len(long) == table.LONGEST_PATH and long.endswith("/film.png") and long.startswith("…")


def test_what_the_page_keeps_comes_back() -> None:
    kept = [Row("ward/ж.png", RECORD), Row("b.txt", error="No picture.")]
    assert table.unpack(table.pack(kept), Kept({RECORD.id: RECORD}), "me", gone="gone", most=9) == kept


@pytest.mark.parametrize("text", ["", "{", "7", "null", '{"a": 1}', "[[1]]", '["abcd"]', "[" * 100_000])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(RowsError):
        table.unpack(text, Kept(), "me", gone="", most=9)


def test_the_table_has_a_line_for_each_file_and_columns_for_each_model(make_app) -> None:
    with make_app().test_request_context(base_url="https://xray.example"):
        text = table.as_csv([Row("=a.png", BOTH), Row("b.txt", error="-no")], ["covid_normal", "covid_pneumo"])
    assert text.startswith("\ufeff") and text.endswith("\r\n")
    first, second = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert first == {
        "file": "'=a.png", "error": "", "finding": "undecided", "verdict": "INCONCLUSIVE",
        "covid_normal_finding": "abnormal", "covid_normal_verdict": "POSITIVE", "covid_normal_score": "0.9700",
        "covid_normal_negative_below": "0.4000", "covid_normal_positive_from": "0.6000",
        "covid_normal_version": "1.2.3", "covid_normal_heat_in_lungs": "0.5000",
        "covid_pneumo_finding": "undecided", "covid_pneumo_verdict": "INCONCLUSIVE", "covid_pneumo_score": "0.5000",
        "covid_pneumo_negative_below": "0.4000", "covid_pneumo_positive_from": "0.6000",
        "covid_pneumo_version": "1.2.3", "covid_pneumo_heat_in_lungs": "",
        "combined_verdict": "INCONCLUSIVE", "combined_score": "0.5000",
        "cautions": "child inverted", "width": "100", "height": "50", "lung_share": "0.2000", "name_in_zip": "a",
        "time": "2026-11-21T00:00:00+00:00", "address": f"https://xray.example/analyses/{RECORD.id}",
        "disclaimer": "Research and education only, not a diagnosis",
        "opacity_right_percent": "", "opacity_left_percent": "", "extent_score": "",
    }  # fmt: skip
    assert set(second.values()) == {"b.txt", "'-no", "", first["disclaimer"]}
    with make_app().test_request_context():
        head = table.as_csv([Row("a.png", BOTH)], ["covid_pneumo"]).splitlines()[0]
    assert "covid_pneumo_score" in head and "covid_normal" not in head and "combined" not in head


def row(file: str, score: float, *, heat: float | None = 0.5, cautions: tuple[str, ...] = ()) -> Row:
    result = make_result(score=score, heat_in_lungs=heat)
    return Row(file, replace(RECORD, id=file, results=(result,), cautions=cautions))


ROWS = [
    row("B.png", 0.5, heat=None),
    Row("bad.txt", error="no"),
    row("a.png", 0.9, heat=0.1),
    row("ward/C.png", 0.1, cautions=("child",)),
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
        ("finding", False, ["a.png", "ward/C.png", "B.png", "bad.txt"]),
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
        ({"kind": "abnormal"}, ["a.png"]),
        ({"kind": "ERROR"}, ["bad.txt"]),
        ({"kind": "CAUTION"}, ["ward/C.png"]),
        ({"text": "WARD/c"}, ["ward/C.png"]),
        ({"text": ".png", "kind": "ERROR"}, []),
    ],
)
def test_rows_are_filtered_by_what_was_found_and_by_name(asked: dict[str, str], passed: list[str]) -> None:
    assert files(**asked) == passed
