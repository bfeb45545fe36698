"""Three instances that share a database and a bucket: one application to whoever visits it."""

import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import pytest
import requests
from sqlalchemy import create_engine, text

from tests.web.cloud import programs
from tests.web.cloud.conftest import Cloud
from tests.web.cloud.programs import Program, until

# What one visitor sends at most.
FILMS = 9


@dataclass(frozen=True)
class House:
    """Three instances and what they share."""

    instances: list[Program]
    database: str
    cloud: Cloud

    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{each.port}" for each in self.instances]

    def rows(self) -> list[str]:
        engine = create_engine(self.database.replace("postgres:", "postgresql+psycopg:"))
        with engine.connect() as connection:
            found = [id for (id,) in connection.execute(text("select id from analyses"))]
        engine.dispose()
        return found


@pytest.fixture(scope="module")
def house(make_database, make_bucket, folder_for) -> Iterator[House]:
    """Three instances with the real models, each with a disk of its own that knows nothing."""
    if not any((programs.ROOT / "model").glob("*/metadata.json")):
        programs.absent("needs the artefacts of model/: run `make models`")
    cloud, database = make_bucket(), make_database()
    shared = cloud.environment | {
        "DATABASE_URL": database,
        "XRAY_STORE": cloud.address,
        "XRAY_SECRET_KEY": "a key that all instances share",
        "XRAY_RATE_LIMIT": "0",
        "XRAY_WORKER_THREADS": "4",
        "XRAY_THREADS": "1",
    }
    with ExitStack() as stack:
        # All at once, on one empty database.
        ports = [programs.free_port() for _ in range(3)]
        begun = [stack.enter_context(_instance(folder_for(), port, shared)) for port in ports]
        for port in ports:
            until(lambda port=port: requests.get(f"http://127.0.0.1:{port}/healthz", timeout=60).ok)
        yield House(begun, database, cloud)


def _instance(folder: Path, port: int, shared: dict[str, str]):
    own = {"XRAY_INSTANCE_DIR": str(folder / "instance"), "XRAY_ANALYSIS_DIR": str(folder / "copies")}
    return programs.gunicorn(folder, port, **shared, **own)


@pytest.fixture(scope="module")
def films(radiograph) -> list[bytes]:
    return [cv2.imencode(".png", radiograph(256, 240, seed))[1].tobytes() for seed in range(3)]


class Visitor:
    """A browser; its cookies are those of one host, whatever the port."""

    def __init__(self) -> None:
        self.browser = requests.Session()

    def get(self, path: str, at: str) -> requests.Response:
        return self.browser.get(at + path, timeout=programs.PATIENT_S)

    def token(self, at: str) -> str:
        return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get("/", at).text)[1]

    def post(self, path: str, at: str, token: str | None = None, **options) -> requests.Response:
        fields = {"csrf_token": token or self.token(at)} | options.pop("data", {})
        return self.browser.post(at + path, data=fields, timeout=programs.PATIENT_S, **options)

    def send(self, film: bytes, at: str, **options) -> requests.Response:
        return self.post("/query", at, data={"model": "both"}, files={"file": ("film.png", film)}, **options)


def analysis(page: requests.Response) -> str:
    assert page.status_code == 200, page.text[:2000]
    return re.search(r'data-address="/analyses/([\w-]{22})"', page.text)[1]


def pictures(page: str) -> set[str]:
    return set(re.findall(r'(?:href|src)="(/analyses/[\w-]{22}/[^"]+\.(?:png|jpg))"', page))


def test_what_one_read_all_show_and_one_deletes_for_all(house, films):
    visitor, (one, two, three) = Visitor(), house.urls()
    sent = visitor.send(films[0], one)
    id, shown = analysis(sent), pictures(sent.text)
    assert len(shown) >= 4
    for url in (two, three):
        assert id in visitor.get("/analyses/", url).text
        assert visitor.get(f"/analyses/{id}", url).status_code == 200
        for path in shown:
            assert visitor.get(path, url).headers["Content-Type"].startswith("image/"), path
    assert Visitor().get(f"/analyses/{id}", two).status_code == 404
    assert visitor.post(f"/analyses/{id}/delete", two).status_code == 200
    for url in (one, three):
        assert id not in visitor.get("/analyses/", url).text
        assert {visitor.get(path, url).status_code for path in shown} == {404}
    assert not [key for key in house.cloud.keys() if id in key]


def test_a_form_of_one_is_taken_by_another_and_a_forged_one_by_none(house, films):
    visitor, (one, two, three) = Visitor(), house.urls()
    token = visitor.token(one)
    assert analysis(visitor.send(films[1], two, token=token))
    assert visitor.send(films[1], three, token="forged").status_code == 400
    assert Visitor().send(films[1], two, token=token).status_code == 400, "another browser's"


def test_one_that_is_killed_leaves_the_others_serving_and_nothing_by_half(house, films):
    answered, failed, stop = [], [], threading.Event()

    def visit(number: int) -> None:
        visitor, turn = Visitor(), 0
        while not stop.is_set() and turn < FILMS:
            turn += 1
            try:
                url = house.urls()[(number + turn) % 3]
                page = visitor.send(films[turn % 3], url)
                (answered if page.ok else failed).append((visitor, analysis(page) if page.ok else page.status_code))
            except requests.RequestException:
                pass  # it went to the one that was killed

    visitors = [threading.Thread(target=visit, args=(number,)) for number in range(1, 4)]
    [each.start() for each in visitors]
    until(lambda: len(answered) >= 3)
    os.killpg(house.instances[0].process.pid, signal.SIGKILL)
    before = len(answered)
    until(lambda: len(answered) >= before + 3 or not any(each.is_alive() for each in visitors))
    stop.set()
    [each.join() for each in visitors]
    assert failed == [] and len(answered) > before
    for owner, id in answered:
        page = owner.get(f"/analyses/{id}", house.urls()[1])
        assert page.status_code == 200
        assert {owner.get(path, house.urls()[1]).status_code for path in pictures(page.text)} == {200}
    kept = house.cloud.keys()
    for id in house.rows():
        assert {f"films/analyses/{id}/{name}" for name in ("film.jpg", "thumb.jpg", "mask.png")} <= {*kept}


def test_nothing_that_matters_lies_on_the_disk_of_an_instance(house):
    for instance in house.instances:
        left = {path.name for path in instance.folder.rglob("*") if path.is_file()}
        assert left <= {"log"}, left
