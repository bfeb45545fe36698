"""My analyses as a table for spreadsheets."""

import csv
import io

import pytest

from web.render.spreadsheet import harmless
from web.views.analyses import CSV_COLUMNS

DISCLAIMER = "Research and education only, not a diagnosis"


def test_the_table_has_a_row_for_each_model_and_one_for_both(client, send):
    send(client, name="=cmd|'calc'!A0.png", model="both")
    answer = client.get("/analyses/analyses.csv")
    assert answer.mimetype == "text/csv" and answer.data.startswith(b"\xef\xbb\xbf")
    assert answer.headers["Content-Disposition"] == "attachment; filename=analyses.csv"
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [row["model"] for row in rows] == ["covid_normal", "covid_pneumo", "combined"]
    assert tuple(rows[0]) == CSV_COLUMNS
    assert {row["file"] for row in rows} == {"'=cmd|'calc'!A0.png"}
    assert {row["disclaimer"] for row in rows} == {DISCLAIMER}
    assert rows[0]["verdict"] == "POSITIVE" and rows[0]["score"] == "0.9700"
    address = rows[0]["address"]
    assert address.startswith("http://localhost/analyses/") and client.get(address).status_code == 200


def test_the_table_of_a_stranger_has_only_its_head(client):
    assert client.get("/analyses/analyses.csv").data.decode("utf-8-sig").strip() == ",".join(CSV_COLUMNS)


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("film.png", "film.png"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("＝1", "'＝1"),
        ("a=1", "a=1"),
        ("", ""),
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless(cell, written):
    assert harmless(cell) == written
