"""Many pictures in one request, as a browser without JavaScript sends them."""

import io
import re
import zipfile
from collections.abc import Iterator
from html import unescape

from tests.web.batch.answers import DISCLAIMER, TEXT, fetched, lines, table_rows


def test_without_javascript_all_files_come_back_in_one_table(client, send_all, film):
    page = send_all(client, ("a.png", film), ("letter.txt", TEXT), ("empty.png", b"")).text
    first, second, third = table_rows(page)
    assert "a.png" in first and "NEGATIVE" in first
    assert "Not read" in second and "begins like none of them" in second
    assert "0 bytes" in third
    assert DISCLAIMER in page and page.count("csrf_token") >= 2


def test_the_answer_streams_a_row_after_each_picture(client, send_all, film, monkeypatch):
    from web.analyses.service import AnalysisService

    read, done = AnalysisService.analyse, []
    monkeypatch.setattr(AnalysisService, "analyse", lambda *args, **more: (done.append(1), read(*args, **more))[1])
    answer = send_all(client, ("a.png", film), ("b.png", film))
    pieces: Iterator[bytes] = answer.iter_encoded()
    start = b""
    while b"<tbody" not in start:
        start += next(pieces)
    assert not done and b"<h1>" in start, "the page begins before anything is read"
    while b"a.png" not in start:
        start += next(pieces)
    assert len(done) == 1
    rest = b"".join(pieces)
    assert len(done) == 2 and b"</html>" in rest
    assert answer.headers["X-Accel-Buffering"] == "no"
    answer.close()


def test_a_zip_and_a_folder_are_unpacked(client, send_all, film):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("covid/a.png", film)
        archive.writestr("__MACOSX/._a.png", b"x")
        archive.writestr("../b.png", film)
    rows = table_rows(
        send_all(client, ("films.zip", content.getvalue()), ("ward/c.png", film), ("ward/.DS_Store", b"x")).text
    )
    assert [row.split()[0] for row in rows] == ["films.zip/covid/a.png", "films.zip/../b.png", "ward/c.png"]
    assert "leads out of the zip" in rows[1]


def test_the_streamed_page_can_download_its_batch(client, send_all, film):
    page = send_all(client, ("a.png", film), ("letter.txt", TEXT)).text
    rows = unescape(re.search(r'name="rows" value="([^"]*)"', page)[1])
    found = lines(fetched(client, rows, "csv"))
    assert [line["file"] for line in found] == ["a.png", "letter.txt"]
    assert "begins like none" in found[1]["error"]


def test_no_file_is_a_problem_on_the_form(client):
    answer = client.post("/batch", data={"function": "mask", "model": "both"})
    assert answer.status_code == 400 and "No pictures came" in answer.text
    assert re.search(r'value="mask"\s+checked', answer.text), "what was chosen stays chosen"


def test_too_many_files_are_refused_before_any_is_read(make_client, send_all, film, copies):
    answer = send_all(make_client(BATCH_COUNT=2), *((f"{number}.png", film) for number in range(3)))
    assert answer.status_code == 400 and "at most 2 files at once, received 3" in answer.text
    assert not copies.exists()


def test_the_table_is_sorted_and_filtered_without_javascript(make_client, batch_of, film):
    client = make_client()
    rows = batch_of(client, ("b.png", film), ("a.png", film), ("bad.txt", TEXT))

    def shown(**fields):
        data = {"rows": rows, "function": "classify", "model": "both", **fields}
        return [row.split()[0] for row in table_rows(client.post("/batch/table", data=data).text)]

    assert shown() == ["b.png", "a.png", "bad.txt"]
    assert shown(by="file") == ["a.png", "b.png", "bad.txt"]
    assert shown(by="covid_normal", down="1") == ["b.png", "a.png", "bad.txt"], "what has no score stands last"
    assert shown(kind="ERROR") == ["bad.txt"]
    assert shown(kind="other-pneumonia", text="B") == ["b.png"]
