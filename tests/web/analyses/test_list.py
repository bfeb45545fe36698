"""The list of my analyses: its pages, its table for spreadsheets, and a database that does not answer."""

import csv
import io
import re
import shutil
import sqlite3
from contextlib import closing

import pytest

from web.render.spreadsheet import harmless
from web.services import services
from web.views.analyses import CSV_COLUMNS, PER_PAGE


def test_the_list_shows_each_with_its_verdicts_and_files_the_newest_first(client, send, listed):
    send(client, name="first.png", model="covid_normal")
    send(client, name="second.png", model="both")
    ids, text = listed(client)
    assert len(ids) == 2 and text.index("second.png") < text.index("first.png")
    assert "Looks like another pneumonia NEGATIVE for COVID-19, both models together" in text
    assert "Abnormal POSITIVE, Model 1: Covid / Normal, score 0.97" in text
    page = client.get("/analyses/").text
    for path in re.findall(r'(?:href|src)="(/analyses/[^"]+)"', page):
        with client.get(path) as answer:
            assert answer.status_code == 200, path
    assert page.count("thumb.jpg") == 2


@pytest.mark.parametrize(("page", "shown"), [(1, PER_PAGE), (2, 3), (3, 3), (0, PER_PAGE), (-5, PER_PAGE), (10**30, 3)])
def test_a_long_list_comes_in_pages_and_a_page_past_the_end_is_the_last(client, file, listed, page, shown):
    ids = file(client, PER_PAGE + 3)
    found, text = listed(client, page=page)
    assert found == (ids[:PER_PAGE] if shown == PER_PAGE else ids[PER_PAGE:])
    assert ("Page 1 of 2" if shown == PER_PAGE else "Page 2 of 2") in text
    assert f"Delete all {PER_PAGE + 3}" in text


def test_the_list_is_filtered_by_what_was_found(client, send, listed):
    send(client, name="first.png", model="covid_normal")
    send(client, name="second.png", model="both")
    for finding, file in (("abnormal", "first.png"), ("other-pneumonia", "second.png")):
        ids, text = listed(client, finding=finding)
        assert len(ids) == 1 and file in text
    ids, text = listed(client, finding="normal")
    assert ids == [] and "None of your analyses has this finding." in text and "Looks normal" in text


def test_a_row_that_cannot_be_read_spoils_neither_the_list_nor_its_deletion(client, file, listed, caplog):
    good, bad = file(client, 2)
    with client.application.app_context(), services().analyses.records.engine.begin() as connection:
        connection.exec_driver_sql(f"update analyses set content = '{{}}' where id = '{bad}'")
    assert listed(client)[0] == [good]
    assert bad[:6] in caplog.text and bad not in caplog.text
    assert client.get(f"/analyses/{bad}").status_code == 404
    assert client.get("/analyses/analyses.csv").status_code == 200
    client.post("/analyses/delete")
    with client.application.app_context(), services().analyses.records.engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from analyses").scalar_one() == 0


def test_a_film_whose_pictures_are_gone_is_still_listed_and_opened(client, send, listed, instance):
    """As on a host whose disk is emptied at every restart, while its database stays."""
    send(client)
    shutil.rmtree(instance / "analyses")
    (id,), text = listed(client)
    assert "picture not kept" in text and "thumb.jpg" not in client.get("/analyses/").text
    assert client.get(f"/analyses/{id}").status_code == 200
    assert client.get(f"/analyses/{id}/film.jpg").status_code == 404
    assert client.get(f"/analyses/{id}.pdf").status_code == 200


# ── The table for spreadsheets ──


def test_the_table_has_a_row_for_each_model_and_one_for_both(client, send):
    send(client, name="=cmd|'calc'!A0.png", model="both")
    answer = client.get("/analyses/analyses.csv")
    assert answer.mimetype == "text/csv" and answer.data.startswith(b"\xef\xbb\xbf")
    assert answer.headers["Content-Disposition"] == "attachment; filename=analyses.csv"
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [row["model"] for row in rows] == ["covid_normal", "covid_pneumo", "combined"]
    assert tuple(rows[0]) == CSV_COLUMNS
    assert {row["file"] for row in rows} == {"'=cmd|'calc'!A0.png"}
    assert {row["disclaimer"] for row in rows} == {"Research and education only, not a diagnosis"}
    assert rows[0]["verdict"] == "POSITIVE" and rows[0]["score"] == "0.9700"
    address = rows[0]["address"]
    assert address.startswith("http://localhost/analyses/") and client.get(address).status_code == 200


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "\t=1", "\r=1", "＝1"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless(cell):
    assert harmless(cell) == f"'{cell}"
    for plain in ("film.png", f"a{cell}", ""):
        assert harmless(plain) == plain


# ── A database that does not answer ──


def test_a_locked_database_gives_a_clear_page_and_keeps_nothing(
    make_client, send, copies, instance, monkeypatch, listed
):
    monkeypatch.setattr("web.analyses.database.BUSY_S", 0.1)
    client = make_client()
    send(client)
    (id,), _ = listed(client)
    before = {path for folder in (copies, instance / "analyses") for path in folder.rglob("*")}
    with closing(sqlite3.connect(instance / "analyses.sqlite3", isolation_level=None)) as other:
        other.execute("begin immediate")
        answers = [send(client), client.post(f"/analyses/{id}/delete"), client.post("/analyses/delete")]
        assert listed(client)[0] == [id], "whoever reads is served"
    for answer in answers:
        assert answer.status_code == 503 and "cannot be reached just now" in answer.text
    assert {path for folder in (copies, instance / "analyses") for path in folder.rglob("*")} == before
