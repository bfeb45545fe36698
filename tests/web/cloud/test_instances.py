"""Two instances that share a database and a bucket: one application to whoever visits it."""

import re
from contextlib import ExitStack

import cv2
import pytest
import requests

from tests.web.cloud import programs
from tests.web.cloud.programs import until


@pytest.fixture(scope="module")
def bucket(make_bucket):
    return make_bucket()


@pytest.fixture(scope="module")
def urls(make_database, bucket, folder_for):
    """Two instances with the real models, each with a disk of its own that knows nothing."""
    if not any((programs.ROOT / "model").glob("*/metadata.json")):
        programs.absent("needs the artefacts of model/: run `make models`")
    shared = bucket.environment | {
        "DATABASE_URL": make_database(), "XRAY_STORE": bucket.address, "XRAY_RATE_LIMIT": "0", "XRAY_THREADS": "1",
        "XRAY_SECRET_KEY": "a key that all instances share", "XRAY_WORKER_THREADS": "4",
    }  # fmt: skip
    found = []
    with ExitStack() as stack:
        # Both at once, on one empty database.
        for port in (programs.free_port(), programs.free_port()):
            folder = folder_for()
            own = {"XRAY_INSTANCE_DIR": str(folder / "instance"), "XRAY_ANALYSIS_DIR": str(folder / "copies")}
            stack.enter_context(programs.gunicorn(folder, port, **shared, **own))
            found.append(f"http://127.0.0.1:{port}")
        for url in found:
            until(lambda url=url: requests.get(f"{url}/healthz", timeout=60).ok)
        yield found


@pytest.fixture(scope="module")
def film(radiograph) -> bytes:
    return cv2.imencode(".png", radiograph(256, 240))[1].tobytes()


class Visitor(requests.Session):
    """A browser; its cookies are those of one host, whatever the port."""

    def token(self, url: str) -> str:
        return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get(f"{url}/").text)[1]

    def analyse(self, film: bytes, url: str, token: str) -> requests.Response:
        fields = {"csrf_token": token, "model": "both"}
        return self.post(f"{url}/query", data=fields, files={"file": ("film.png", film)}, timeout=programs.PATIENT_S)


def test_what_one_read_the_other_shows_and_deletes_for_both(urls, bucket, film):
    visitor, (one, other) = Visitor(), urls
    page = visitor.analyse(film, one, visitor.token(one)).text
    id = re.search(r'data-address="/analyses/([\w-]{22})"', page)[1]
    shown = set(re.findall(r'(?:href|src)="(/analyses/[\w-]{22}/[^"]+\.(?:png|jpg))"', page))
    assert len(shown) >= 4 and id in visitor.get(f"{other}/analyses/").text
    assert visitor.get(f"{other}/analyses/{id}").status_code == 200
    for path in shown:
        assert visitor.get(other + path).headers["Content-Type"].startswith("image/"), path
    assert Visitor().get(f"{other}/analyses/{id}").status_code == 404
    token = {"csrf_token": visitor.token(other)}
    assert visitor.post(f"{other}/analyses/{id}/delete", data=token).status_code == 200
    assert id not in visitor.get(f"{one}/analyses/").text
    assert {visitor.get(one + path).status_code for path in shown} == {404}
    assert not [key for key in bucket.keys() if id in key]


def test_a_form_of_one_is_taken_by_the_other_and_a_forged_one_by_none(urls, film):
    visitor, (one, other) = Visitor(), urls
    token = visitor.token(one)
    assert visitor.analyse(film, other, token).status_code == 200
    assert visitor.analyse(film, other, "forged").status_code == 400
    assert Visitor().analyse(film, other, token).status_code == 400, "another browser's"
