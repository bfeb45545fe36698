"""Many pictures, one by one and all at once."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from html import unescape

import cv2
import numpy as np
import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from web.batch.unpack import passed_over
from xray.screen import NOT_FRONTAL

DISCLAIMER = "For education and research only, not for diagnosis"
TEXT = b"Dear radiologist"


@pytest.fixture
def ask() -> Callable:
    """Send one picture as the page's script does; gives the answer's JSON."""

    def post(client, data, name="film.png", *, status=200, **fields):
        fields = {"function": "classify", "model": "both", "file": FileStorage(io.BytesIO(data), name), **fields}
        answer = posted(client, "/batch/one", fields)
        assert answer.status_code == status, answer.text
        return answer.json

    return post


@pytest.fixture
def send_all() -> Callable:
    """Send the whole form as a browser without JavaScript does; gives the answer."""

    def post(client, *files, **fields):
        fields = {"function": "classify", "model": "both", **fields}
        fields["file"] = [FileStorage(io.BytesIO(data), name) for name, data in files]
        return posted(client, "/batch", fields)

    return post


@pytest.fixture
def batch_of(ask: Callable) -> Callable:
    """Send pictures one by one; gives the list that the page keeps."""

    def read(client, *files, **fields):
        told = [ask(client, data, name, **fields) for name, data in files]
        return json.dumps([[each["file"], each["id"], each["error"]] for each in told])

    return read


def posted(client, address: str, fields: dict, **headers: str) -> TestResponse:
    # Encoded here: the test client would leave a temporary file open.
    boundary, body = encode_multipart(fields)
    return client.post(address, data=body, content_type=f"multipart/form-data; boundary={boundary}", headers=headers)


def table_rows(page: str) -> list[str]:
    """The rows of the table in a page's words, without the blank that a script copies."""
    body = re.search(r"<tbody.*?</tbody>", page, re.DOTALL)[0]
    rows = re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]*>", " ", row)).split()) for row in rows]


def fetched(client, rows, what, **fields) -> bytes:
    asked = {"rows": rows, "what": what, "function": "classify", "model": "both", **fields}
    answer = client.post("/batch/download", data=asked)
    assert answer.status_code == 200 and "attachment" in answer.headers["Content-Disposition"]
    return answer.data


def inside(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def lines(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def picture(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


# ── One by one ──


def test_the_page_asks_for_files_folders_a_function_and_a_model(client):
    page = client.get("/batch").text
    functions = 'value="classify"', 'value="mask"', 'value="show"'
    for part in ("webkitdirectory", " multiple", *functions, "32 MiB", DISCLAIMER):
        assert part in page
    assert re.findall(r'<option value="(\w+)"', page) == ["covid_normal", "covid_pneumo", "both"]


def test_one_picture_answers_with_its_row_its_verdict_and_its_thumbnail(client, ask, film):
    told = ask(client, film, "film.png", path="ward 3/film.png")
    assert (told["file"], told["verdict"], told["error"]) == ("ward 3/film.png", "NEGATIVE", "")
    with client.get(told["thumbnail"]) as thumbnail:
        assert max(picture(thumbnail.data).shape) == 160
    assert client.get(f"/analyses/{told['id']}").status_code == 200
    row = unescape(told["row"])
    for part in (f'href="/analyses/{told["id"]}"', "ward 3/film.png", "POSITIVE", "NEGATIVE", "0.97", "0.12"):
        assert part in row
    assert row.count("<td") == 5 and row.count("<th") == 1


@pytest.mark.parametrize("model", ["covid_normal", "covid_pneumo"])
def test_one_model_has_one_column(client, ask, film, model):
    told = ask(client, film, model=model)
    assert told["row"].count("<td") == 3
    assert told["verdict"] == {"covid_normal": "POSITIVE", "covid_pneumo": "NEGATIVE"}[model]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (TEXT, "begins like none of them"),
        (b"", "0 bytes"),
        (b"PK\x03\x04 and so on", "zip inside a zip"),
        (b"\x89PNG\r\n\x1a\n", "truncated or damaged"),
    ],
)
def test_a_bad_file_is_a_row_with_its_error(client, ask, copies, data, words):
    told = ask(client, data, "bad.png")
    assert words in told["error"] and words in unescape(told["row"])
    assert not told["id"] and not copies.exists()


def test_what_the_screen_refuses_is_a_row_too(make_client, make_registry, ask, film):
    assert "frontal" in ask(make_client(make_registry(said=(NOT_FRONTAL,))), film)["error"]


def test_cautions_stand_in_the_row(make_client, make_registry, ask, film):
    row = unescape(ask(make_client(make_registry(said=("child",))), film)["row"])
    assert "Looks like a child’s film" in row and 'data-kinds="NEGATIVE CAUTION"' in row


def test_a_disk_that_cannot_be_written_is_a_row_without_its_paths(make_client, ask, film, tmp_path):
    (tmp_path / "blocked").write_bytes(b"")
    told = ask(make_client(ANALYSIS_DIR=str(tmp_path / "blocked" / "copies")), film)
    assert "could not be kept" in told["error"] and str(tmp_path) not in told["row"]


def test_masks_show_the_outline_and_how_much_is_lung(client, ask, film):
    row = ask(client, film, function="mask")["row"]
    assert '<path class="mask" d="M' in row
    share = int(re.search(r"(\d+)\s?% of the picture", row)[1])
    # The stand-in draws two ellipses of 0.14 and 0.32 of a side.
    assert abs(share - 28) <= 2


def test_showing_has_a_heat_map_for_each_model(client, ask, film):
    told = ask(client, film, function="show")
    for model in ("covid_normal", "covid_pneumo"):
        address = f"/analyses/{told['id']}/heat-{model}.png"
        assert address in told["row"]
        with client.get(address) as heat:
            assert picture(heat.data).shape[2] == 4
    assert told["row"].count("of the heat for") == 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": "covid_ct"}, "model is not known"),
        ({"function": "guess"}, "function is not known"),
        ({"file": FileStorage(io.BytesIO(b""), "")}, "No pictures"),
    ],
)
def test_a_request_that_makes_no_sense_is_told_so(client, ask, fields, words):
    assert words in ask(client, TEXT, status=400, **fields)["problem"]


def test_a_picture_that_is_too_large_is_told_so(make_client, ask, film):
    told = ask(make_client(MAX_CONTENT_LENGTH=1024 * 1024), bytes(2 * 1024 * 1024), status=413)
    assert "at most 1 MiB" in told["problem"]


def test_without_the_pages_token_nothing_is_read(make_client, ask, film, copies):
    client = make_client(WTF_CSRF_ENABLED=True)
    assert "expired" in ask(client, film, status=400)["problem"]
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/batch").text)[1]
    fields = {"function": "classify", "model": "both", "file": FileStorage(io.BytesIO(film), "film.png")}
    assert posted(client, "/batch/one", fields, **{"X-CSRFToken": token}).json["verdict"] == "NEGATIVE"


def test_a_name_is_never_read_as_markup(client, ask, film):
    told = ask(client, film, path='<img src=x onerror=alert(1)>"/a.png')
    assert "<img src=x" not in told["row"] and "&lt;img src=x" in told["row"]


# ── All at once ──


def test_without_javascript_all_files_come_back_in_one_table(client, send_all, film):
    page = send_all(client, ("a.png", film), ("letter.txt", TEXT), ("empty.png", b"")).text
    first, second, third = table_rows(page)
    assert "a.png" in first and "NEGATIVE" in first
    assert "Not read" in second and "begins like none of them" in second
    assert "0 bytes" in third
    assert DISCLAIMER in page and page.count("csrf_token") >= 2


def test_the_answer_streams_a_row_after_each_picture(client, send_all, film, monkeypatch):
    from web.analyses.desk import Desk

    read, done = Desk.read, []
    monkeypatch.setattr(Desk, "read", lambda *args, **more: (done.append(1), read(*args, **more))[1])
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


def test_more_files_than_the_form_of_one_picture_takes_are_welcome(client, send_all):
    assert len(table_rows(send_all(client, *((f"{number}.png", TEXT) for number in range(40))).text)) == 40


def test_an_upload_over_the_limit_gets_words(make_client, send_all):
    answer = send_all(make_client(BATCH_CONTENT_LENGTH=1024 * 1024), ("a.png", bytes(2 * 1024 * 1024)))
    assert answer.status_code == 413 and "at most 1000 files with 1 MiB in all" in unescape(answer.text)


def test_a_batch_may_be_larger_than_one_picture(make_client, send_all):
    client = make_client(MAX_CONTENT_LENGTH=1024 * 1024)
    (row, other) = table_rows(send_all(client, ("a.png", bytes(2 * 1024 * 1024)), ("b.txt", TEXT)).text)
    assert "at most 1 MiB, received 2 MiB" in row and "begins like none" in other


# ── Downloads ──


def test_the_table_has_a_line_for_every_file(client, batch_of, film):
    rows = batch_of(client, ("ward/a.png", film), ("=cmd().png", TEXT))
    first, second = lines(fetched(client, rows, "csv"))
    assert first["file"] == "ward/a.png"
    said = first["verdict"], first["covid_normal_score"], first["covid_pneumo_verdict"]
    assert said == ("NEGATIVE", "0.9700", "NEGATIVE")
    assert first["combined_verdict"] == "NEGATIVE" and first["name_in_zip"] == "a" and first["width"] == "240"
    assert client.get(first["address"]).status_code == 200
    assert second["file"] == "'=cmd().png" and second["verdict"] == "" and "begins like none" in second["error"]
    assert all("not a diagnosis" in line["disclaimer"] for line in (first, second))


def test_annotated_copies_keep_their_words_but_not_their_address(client, batch_of, film, copies):
    found = inside(fetched(client, batch_of(client, ("a.png", film), ("a.png", film)), "copies"))
    names = [name for name in found if name.endswith(".png")]
    assert names == [
        "covid_normal/POSITIVE_Prob_97_Name_a.png", "covid_pneumo/NEGATIVE_Prob_12_Name_a.png",
        "covid_normal/POSITIVE_Prob_97_Name_a-2.png", "covid_pneumo/NEGATIVE_Prob_12_Name_a-2.png",
    ]  # fmt: skip
    assert {found[name] for name in names} == {path.read_bytes() for path in copies.iterdir()}


def test_masks_are_as_large_as_the_pictures(client, batch_of, make_film):
    found = inside(fetched(client, batch_of(client, ("a.png", make_film(1300, 1500))), "masks"))
    mask = picture(found["a.png"])
    assert mask.shape == (1300, 1500) and set(np.unique(mask)) == {0, 255}
    assert 0.2 < mask.mean() / 255 < 0.35


def test_masked_pictures_are_black_beside_the_lungs(client, batch_of, film):
    rows = batch_of(client, ("a.png", film))
    masked = picture(inside(fetched(client, rows, "masked"))["a.png"])
    mask = picture(inside(fetched(client, rows, "masks"))["a.png"])
    mask = cv2.resize(mask, masked.shape[::-1], interpolation=cv2.INTER_AREA)
    assert (masked[mask < 100] == 0).all()
    # The film's lungs are a third of 170.
    assert abs(float(masked[mask == 255].mean()) - 62) < 6


def test_heat_maps_are_coloured_and_say_what_they_are_not(client, batch_of, film):
    found = inside(fetched(client, batch_of(client, ("a.png", film)), "heat"))
    overlay = picture(found["covid_normal/POSITIVE_a.png"])
    film_height = round(overlay.shape[1] * 200 / 240)
    colour = np.ptp(overlay[:film_height].astype(int), axis=2)
    assert colour.max() > 60 and colour[:20, :20].max() < 10, "colour where there is heat only"
    assert overlay.shape[0] > film_height + 20 and overlay[film_height:].max() > 200, "a legend below"
    assert "covid_pneumo/NEGATIVE_a.png" in found


def test_every_zip_says_what_it_holds_and_is_not(client, batch_of, film):
    rows = batch_of(client, ("a.png", film))
    for what in ("copies", "masks", "masked", "heat"):
        found = inside(fetched(client, rows, what))
        assert DISCLAIMER in found["README.txt"].decode()
        assert lines(found["table.csv"])[0]["name_in_zip"] == "a"


def test_anybody_elses_analyses_are_not_there(make_app, batch_of, film):
    app = make_app()
    rows = batch_of(app.test_client(), ("a.png", film))
    stranger = app.test_client()
    (line,) = lines(fetched(stranger, rows, "csv"))
    assert line["verdict"] == "" and "not here any more" in line["error"]
    answer = stranger.post("/batch/download", data={"rows": rows, "what": "masks", "function": "mask", "model": "both"})
    assert "nothing to download" in answer.text


@pytest.mark.parametrize("rows", ["", "{", "7", '{"a": 1}', "[[1]]", '["abcd"]', "[" * 100_000])
def test_a_damaged_list_is_told_so(client, rows):
    answer = client.post("/batch/download", data={"rows": rows, "what": "csv", "function": "mask", "model": "both"})
    assert answer.status_code == 400 and "came damaged" in answer.text


def test_a_list_of_a_thousand_errors_passes(client):
    rows = json.dumps([[f"ward/{'ж' * 150}{number}.png", "", "ж" * 300] for number in range(1000)])
    assert len(lines(fetched(client, rows, "csv"))) == 1000


# ── Again, sorted and filtered ──


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
    assert shown(kind="NEGATIVE", text="B") == ["b.png"]


def test_the_script_passes_over_what_the_server_passes_over():
    from web.settings import ROOT

    script = (ROOT / "static" / "batch_zip.js").read_text(encoding="utf-8")
    for name in re.search(r"JUNK = new Set\(\[(.*?)\]", script)[1].replace("'", "").split(", "):
        assert passed_over(name)
