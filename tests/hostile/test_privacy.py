"""What is kept of a film, for how long, and who can reach it."""

import cv2
import pytest

from tests.hostile.dicom_files import dicom
from tests.hostile.jpeg_files import gps
from tests.hostile.png_files import with_chunks
from tests.xray.io.files import with_segment
from web.factory import create_app

WHO = (b"DOE", b"JANE", b"4711", b"Jane Doe", b"Exif", b"DICM")


@pytest.fixture(params=["DICOM", "JPEG", "PNG"])
def named_film(request, grey):
    """A film that carries a name, an id or a place."""
    jpeg, png = (cv2.imencode(ending, grey)[1].tobytes() for ending in (".jpg", ".png"))
    return {
        "DICOM": dicom(grey),
        "JPEG": with_segment(jpeg, 0xE1, gps()),
        "PNG": with_chunks(png, (b"tEXt", b"Patient\0Jane Doe"), (b"eXIf", b"II*\0\x08\0\0\0" + b"Jane Doe")),
    }[request.param]


def test_nothing_that_names_a_patient_is_kept_or_shown(house, post, named_film):
    before, visitor = house.kept(), house.visitor()
    told_by_the_file = [word for word in WHO if word in named_film]
    assert told_by_the_file
    page = post(visitor, "/query", named_film, model="both")
    assert page.status_code == 200
    new = [each for each in house.kept() - before if not each.startswith("row ")]
    (id,) = {path.split("/analyses/")[1].partition("/")[0] for path in new if "/analyses/" in path}
    told = [visitor.get(f"/analyses/{id}.{kind}").data for kind in ("json", "pdf")]
    for path in new:
        with open(path, "rb") as file:
            told.append(file.read())
    # The cross-check of the table of contents: the database's own files, too.
    told += [path.read_bytes() for path in (house.folder / "instance").glob("analyses.sqlite3*")]
    assert len(new) >= 6
    for content in [page.data, *told]:
        assert not [word for word in told_by_the_file if word in content]
    visitor.post("/analyses/delete")
    assert house.kept() == before


def test_the_page_says_for_how_long_with_the_settings_own_number(real_registry, tmp_path):
    config = {"SECRET_KEY": "a key for tests only", "INSTANCE_DIR": str(tmp_path), "ANALYSIS_DIR": str(tmp_path)}
    app = create_app(config | {"KEEP_DAYS": 365}, registry=real_registry)
    words = " ".join(app.test_client().get("/about").text.split())
    kept = words[words.index("What is kept") :]
    assert "365 days at most" in kept and "is not kept" in kept


@pytest.mark.parametrize(
    "address",
    [
        "/static/../web/settings.py", "/static/%2e%2e/web/settings.py", "/static/..%2f..%2fapp.py",
        "/static/%5c..%5capp.py", "/static//etc/passwd", "/static/xray_analysis/../../app.py",
        "/analyses/..%2f..%2fsecret_key", "/models/..%2f..%2fapp", "/models/%00", "/how/..%2f..%2fapp.py",
        "/api/v1/analyses/..%2fsecret_key/pictures/film.jpg", "/api/v1/models/..%2f..%2fapp",
        "/query?model=../../app", "/password?next=//evil.example", "/analyses/?page=../../etc/passwd",
    ],
)  # fmt: skip
def test_no_parameter_leads_out(house, address):
    with house.visitor().get(address) as answer:
        assert answer.status_code in (200, 303, 308, 404)
        assert b"import " not in answer.data and b"root:" not in answer.data
        assert "evil.example" not in answer.headers.get("Location", "")
