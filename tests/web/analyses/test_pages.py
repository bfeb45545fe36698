"""My analyses, as the browser that made them and others meet them."""

import csv
import io
import re
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from flask import session
from sqlalchemy.exc import OperationalError

from web.analyses.pages import CSV_COLUMNS, PER_PAGE, harmless
from web.services import services

DISCLAIMER = "Research and education only, not a diagnosis"
ADDRESS = re.compile(r'<h2><a href="/analyses/([\w-]{22})"')


@pytest.fixture
def instance(tmp_path) -> Path:
    return tmp_path / "instance"


@pytest.fixture
def listed():
    """Return the ids on a page of the list, and its plain text."""

    def look(client, **query):
        answer = client.get("/analyses/", query_string=query)
        assert answer.status_code == 200
        return ADDRESS.findall(answer.text), " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())

    return look


@pytest.fixture
def file(make_record):
    """File analyses for a client's browser without reading films."""

    def add(client, number: int = 1, **fields: object) -> list[str]:
        with client:
            client.get("/analyses/")
            owner = session["visitor"]
        now = datetime.now(UTC)
        with client.application.app_context():
            records = [
                make_record(**{"owner": owner, "created": now - timedelta(minutes=n), "name": f"{n}.png"} | fields)
                for n in range(number)
            ]
            for record in records:
                services().desk.records.add(record)
        return [record.id for record in records]

    return add


# ── The list ──


def test_without_any_the_list_says_so_and_leads_to_the_form(client, listed):
    ids, text = listed(client)
    assert ids == [] and "There are none yet." in text and "Delete" not in text


def test_the_list_shows_each_with_its_verdicts_and_files_the_newest_first(client, send, listed):
    send(client, name="first.png", model="covid_normal")
    send(client, name="second.png", model="both")
    ids, text = listed(client)
    assert len(ids) == 2 and text.index("second.png") < text.index("first.png")
    assert "NEGATIVE both models together" in text and "POSITIVE Model 1: Covid / Normal, score 0.97" in text
    page = client.get("/analyses/").text
    for path in re.findall(r'(?:href|src)="(/(?:analyses|static/xray_analysis)/[^"]+)"', page):
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


@pytest.mark.parametrize("page", ["x", "", "1.5", "１"])
def test_a_page_that_is_no_number_is_the_first(client, file, listed, page):
    file(client, 2)
    assert len(listed(client, page=page)[0]) == 2


def test_what_grew_too_old_is_not_there_any_more(client, file, listed):
    old = file(client, created=datetime.now(UTC) - timedelta(days=31))
    young = file(client, created=datetime.now(UTC) - timedelta(days=29))
    assert client.get(f"/analyses/{old[0]}").status_code == 404
    assert listed(client)[0] == young


def test_whoever_looks_takes_away_what_is_too_old(make_app, file, listed):
    app = make_app()
    gone, looking = app.test_client(), app.test_client()
    file(gone, created=datetime.now(UTC) - timedelta(days=31))
    listed(looking)
    with app.app_context(), services().desk.records.engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from analyses").scalar_one() == 0


def test_a_row_that_cannot_be_read_spoils_neither_the_list_nor_its_deletion(client, file, listed):
    good, bad = file(client, 2)
    with client.application.app_context(), services().desk.records.engine.begin() as connection:
        connection.exec_driver_sql(f"update analyses set content = '{{}}' where id = '{bad}'")
    assert listed(client)[0] == [good]
    assert client.get(f"/analyses/{bad}").status_code == 404
    assert client.get("/analyses/analyses.csv").status_code == 200
    client.post("/analyses/delete")
    with client.application.app_context(), services().desk.records.engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from analyses").scalar_one() == 0


def test_a_model_that_is_not_served_any_more_still_has_its_name(make_client, file, listed, make_record):
    client = make_client()
    record = make_record()
    said = (record.said[0].__class__(**(vars(record.said[0]) | {"model": "covid_old"})),)
    file(client, said=said, combined=None)
    assert "covid_old, score 0.97" in listed(client)[1]


def test_a_film_whose_pictures_are_gone_is_still_listed_and_opened(client, send, listed, instance):
    """As on a host whose disk is emptied at every restart, while its database stays."""
    send(client)
    shutil.rmtree(instance / "analyses")
    (id,), text = listed(client)
    assert "picture not kept" in text and "thumb.jpg" not in client.get("/analyses/").text
    assert client.get(f"/analyses/{id}").status_code == 200
    assert client.get(f"/analyses/{id}/film.jpg").status_code == 404
    assert client.get(f"/analyses/{id}.pdf").status_code == 200


# ── One analysis ──


def test_an_analysis_is_opened_again_as_it_was(client, send, listed):
    first = send(client, name="scan.png").text
    (id,), _ = listed(client)
    again = client.get(f"/analyses/{id}").text
    words = re.compile(r'class="word">(\w+)<')
    assert words.findall(again) == words.findall(first) != []
    assert "scan.png" in again


def test_pictures_are_asked_for_each_time_and_sent_once(client, send, listed):
    send(client)
    (id,), _ = listed(client)
    with client.get(f"/analyses/{id}/film.jpg") as answer:
        assert answer.headers["Cache-Control"] == "private, no-cache" and "Cookie" in answer.headers["Vary"]
        tag = answer.headers["ETag"]
    with client.get(f"/analyses/{id}/film.jpg", headers={"If-None-Match": tag}) as again:
        assert (again.status_code, again.data) == (304, b"")
    client.post(f"/analyses/{id}/delete")
    assert client.get(f"/analyses/{id}/film.jpg", headers={"If-None-Match": tag}).status_code == 404


def test_a_picture_that_goes_while_it_is_sent_is_not_there(client, send, listed, monkeypatch):
    send(client)
    (id,), _ = listed(client)
    monkeypatch.setattr("web.analyses.pictures.Pictures.path", lambda *_: Path("/nowhere/film.jpg"))
    assert client.get(f"/analyses/{id}/film.jpg").status_code == 404


def test_as_json_all_is_told_but_whose_it_is(client, send, listed):
    send(client, name="scan 7.png")
    (id,), _ = listed(client)
    answer = client.get(f"/analyses/{id}.json")
    found = answer.get_json()
    assert found["name"] == "scan 7.png" and found["combined"]["verdict"] == "NEGATIVE"
    assert found["disclaimer"] == DISCLAIMER and "owner" not in found
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=scan_7-{id[:6]}.json"


@pytest.mark.parametrize(
    "name", ['a"b\r\nSet-Cookie: x=1.png', "肺部.png", "../../etc/passwd", "a;b.png", "CON.png", "é.png"]
)
@pytest.mark.parametrize("kind", ["json", "pdf"])
def test_a_download_has_a_name_that_every_system_takes(client, file, name, kind):
    (id,) = file(client, name=name)
    answer = client.get(f"/analyses/{id}.{kind}")
    assert answer.status_code == 200
    assert re.fullmatch(rf"attachment; filename=[A-Za-z0-9_-]+\.{kind}", answer.headers["Content-Disposition"])


# ── The table ──


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


# ── Who may ──


def test_to_another_browser_there_is_nothing(make_app, send, listed):
    app = make_app()
    mine, other = app.test_client(), app.test_client()
    send(mine)
    (id,), _ = listed(mine)
    assert listed(other)[0] == []
    paths = [f"/analyses/{id}{end}" for end in ("", ".json", ".pdf", "/film.jpg", "/thumb.jpg", "/mask.png")]
    for path in paths:
        assert other.get(path).status_code == app.test_client().get(path).status_code == 404
        with mine.get(path) as answer:
            assert answer.status_code == 200
    assert id not in other.get("/analyses/analyses.csv").text
    other.post(f"/analyses/{id}/delete")
    other.post("/analyses/delete")
    assert listed(mine)[0] == [id]


@pytest.mark.parametrize(
    "path",
    ["x", "x.json", "x.pdf", "x.csv", "%00", "%00.json", "delete", "..%2f..%2fsecret_key", "a" * 5000, "é", "' or 1"],
)
def test_what_is_no_address_of_an_analysis_is_not_there(client, send, path):
    send(client)
    assert client.get(f"/analyses/{path}").status_code == 404


@pytest.mark.parametrize("name", ["../../secret_key", "..%2fsecret_key", "film.png", "analyses.sqlite3", "%00", ".."])
def test_nothing_but_pictures_comes_out_of_an_analysis(client, send, listed, name):
    send(client)
    (id,), _ = listed(client)
    assert client.get(f"/analyses/{id}/{name}").status_code == 404


# ── Deleting ──


def test_one_is_deleted_with_its_pictures_and_the_list_says_so(client, send, listed, copies, instance):
    send(client, name="first.png", model="covid_normal")
    send(client, name="second.png", model="covid_normal")
    (second, first), _ = listed(client)
    answer = client.post(f"/analyses/{first}/delete", data={"page": "1"})
    assert (answer.status_code, answer.location) == (303, "/analyses/")
    ids, text = listed(client)
    assert ids == [second] and "first.png was deleted." in text
    assert "was deleted" not in listed(client)[1], "said once"
    assert client.get(f"/analyses/{first}").status_code == 404
    assert [path.name for path in (instance / "analyses").iterdir()] == [second]
    assert len(list(copies.iterdir())) == 1


def test_pressing_twice_is_no_error(client, send, listed):
    send(client)
    (id,), _ = listed(client)
    for _ in range(2):
        assert client.post(f"/analyses/{id}/delete").status_code == 303


def test_deleting_leads_back_to_the_page_of_the_list(client, file):
    ids = file(client, PER_PAGE + 5)
    assert client.post(f"/analyses/{ids[-1]}/delete", data={"page": "2"}).location == "/analyses/?page=2"
    assert client.post(f"/analyses/{ids[-2]}/delete", data={"page": "//evil"}).location == "/analyses/"


def test_all_are_deleted_and_nobody_elses(make_app, send, listed, copies, instance):
    app = make_app()
    mine, other = app.test_client(), app.test_client()
    for client in (mine, mine, other):
        send(client, model="covid_normal")
    assert mine.post("/analyses/delete").status_code == 303
    ids, text = listed(mine)
    assert ids == [] and "2 analyses were deleted." in text
    (kept,), _ = listed(other)
    assert [path.name for path in (instance / "analyses").iterdir()] == [kept]
    assert len(list(copies.iterdir())) == 1


def test_deleting_is_asked_twice_without_a_script(client, send):
    send(client)
    page = client.get("/analyses/").text
    assert page.count("<details") == page.count("<summary>") == 2 and "<details open" not in page
    forms = re.findall(r"<form[^>]*/delete.*?</form>", page, re.DOTALL)
    assert len(forms) == 2 and all("cannot be undone" in form for form in forms)


def test_without_its_token_nothing_is_deleted_and_the_list_says_why(make_client, send, file, listed):
    client = make_client(WTF_CSRF_ENABLED=True)
    (id,) = file(client)
    for path in (f"/analyses/{id}/delete", "/analyses/delete"):
        assert client.get(path).status_code in (404, 405)
        assert client.post(path).location == "/analyses/"
        ids, text = listed(client)
        assert ids == [id] and "nothing was deleted" in text


# ── When the database does not do what it is asked ──


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


def test_a_broken_database_gives_a_clear_page(client, send, instance):
    send(client)
    with client.application.app_context():
        services().desk.records.engine.dispose()
    for path in instance.glob("analyses.sqlite3*"):
        path.unlink()
    for path in ("/analyses/", "/analyses/" + "A" * 22, "/analyses/analyses.csv"):
        answer = client.get(path)
        assert answer.status_code == 503 and "cannot be reached just now" in answer.text
    assert send(client).status_code == 503


def test_a_full_disk_gives_a_clear_page(client, send, monkeypatch):
    def full(*_, **__):
        cause = sqlite3.OperationalError("database or disk is full")
        cause.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise OperationalError("insert", {}, cause)

    monkeypatch.setattr("sqlalchemy.engine.Connection.execute", full)
    answer = send(client)
    assert answer.status_code == 507 and "no room left on the disk" in answer.text


def test_deleting_while_others_read_breaks_nothing(make_app, send, listed):
    app = make_app()
    client = app.test_client()
    for _ in range(4):
        send(client, model="covid_normal")
    ids, _ = listed(client)
    cookie = client.get_cookie("xray_session").value

    def work(number: int) -> int:
        visitor = app.test_client()
        visitor.set_cookie("xray_session", cookie)
        id = ids[number % 4]
        if number % 8 > 5:
            return visitor.post(f"/analyses/{id}/delete").status_code
        path = ("", ".json", "/film.jpg", "/thumb.jpg")[number // 8 % 4]
        with visitor.get("/analyses/" if number % 8 == 5 else f"/analyses/{id}{path}") as answer:
            return answer.status_code

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(work, range(64)))
    assert found <= {200, 303, 404}
    assert listed(client)[0] == ids[:2], "6 and 7 of 8 delete the other two"
