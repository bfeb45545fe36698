"""The service as it is run, while its workers are killed and its disk fails."""

import os
import random
import re
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.server import Server, ServingError, Visitor
from web.analyses.desk import SWEPT

ROOT = Path(__file__).resolve().parents[2]
PATIENT_S = 120
KILLS = 6


@dataclass(frozen=True)
class Service:
    """A running gunicorn, its folder and its log."""

    server: Server
    folder: Path
    log: Path

    @property
    def url(self) -> str:
        return self.server.url

    def worker(self) -> int:
        """Wait until one of the workers is there, and return it."""
        return until(lambda: self.server.workers())[0]

    def copies(self) -> list[Path]:
        return sorted((self.folder / "copies").glob("[A-Z]*.png"))

    def left(self) -> list[str]:
        """Name what is there by half."""
        names = [path.name for path in self.folder.rglob("*")]
        return [name for name in names if name.endswith(".part") or name.startswith(".draft-")]

    def rows(self) -> list[tuple[str, str]]:
        with closing(sqlite3.connect(self.folder / "instance" / "analyses.sqlite3")) as database:
            assert database.execute("pragma integrity_check").fetchone() == ("ok",)
            return database.execute("select id, content from analyses").fetchall()


def until(ask: Callable[[], object]):
    """Ask until there is an answer."""
    deadline = time.monotonic() + PATIENT_S
    while True:
        try:
            if answer := ask():
                return answer
        except (OSError, ServingError):
            pass
        assert time.monotonic() < deadline, "no answer"
        time.sleep(0.05)


@contextmanager
def serving(folder: Path, limit: int | None = None, **settings: str) -> Iterator[Service]:
    """Serve the application with the repository's own settings of gunicorn."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "XRAY_INSTANCE_DIR": str(folder / "instance"),
        "XRAY_ANALYSIS_DIR": str(folder / "copies"),
        "XRAY_WORKER_THREADS": "4",
        **settings,
    }
    log = folder.parent / f"{folder.name}.log"
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "app:app"]

    def limited() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    with log.open("a") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out, preexec_fn=limited)
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: urllib.request.urlopen(f"{url}/healthz", timeout=10).read())
            yield Service(Server(url, process.pid, folder, time.monotonic()), folder, log)
        finally:
            process.terminate()
            process.wait(timeout=PATIENT_S)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "house"
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def large_film(radiograph):
    """A film whose copies and whose upload pass the limits of the small disks below."""
    noise = np.random.default_rng(0).integers(0, 12, (1200, 1100), dtype=np.uint8)
    return cv2.imencode(".png", cv2.add(radiograph(1200, 1100), noise))[1].tobytes()


def whole(path: Path) -> bool:
    return cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED) is not None


def refused(visitor: Visitor, picture: bytes) -> str:
    with pytest.raises(ServingError) as caught:
        visitor.analyse(picture, "both")
    return str(caught.value)


def test_workers_that_are_killed_or_crash_lose_nothing_that_was_answered(folder, film):
    answered, broken, stop = [], [], threading.Event()

    def visit(url):
        visitor = None
        while not stop.is_set():
            try:
                visitor = visitor or Visitor(url)
                answered.extend(visitor.analyse(film, "both"))
            except ServingError as error:
                broken.append(str(error))
            except (OSError, HTTPException):
                pass  # whoever was being served sends the film again

    with serving(folder) as service:
        visitors = [threading.Thread(target=visit, args=(service.url,)) for _ in range(4)]
        [each.start() for each in visitors]
        chance = random.Random(1)
        for number in range(KILLS):
            before = len(answered)
            until(lambda before=before: len(answered) > before)
            time.sleep(chance.uniform(0, 0.3))
            # A crash inside a library of C is a signal too.
            os.kill(service.worker(), signal.SIGKILL if number % 2 else signal.SIGSEGV)
        before = len(answered)
        until(lambda: len(answered) > before)
        stop.set()
        [each.join() for each in visitors]
        assert not [each for each in broken if re.search(r"answered 5\d\d", each)]
        rows = service.rows()
        assert len(answered) >= 2 * KILLS and len(rows) >= len(answered) / 2
        assert all(whole(path) for path in service.copies())
        kept = {path.name for path in service.copies()}
        assert {address.rpartition("/")[2] for address in answered} <= kept
        for id, content in rows:
            assert set(re.findall(r'"copy":\s*"([^"]+)"', content)) <= kept
            assert (folder / "instance" / "analyses" / id / "film.jpg").is_file()
    # What killed workers left by half goes at a start, once it is too old to be anybody's work.
    (folder / "copies" / ".killed.part").touch()
    (folder / "instance" / "analyses" / ".draft-killed").mkdir()
    for name in service.left():
        for path in folder.rglob(name):
            os.utime(path, (time.time() - 7200,) * 2)
    with serving(folder) as service:
        assert service.left() == [] and len(service.rows()) == len(rows)
        assert Visitor(service.url).analyse(film, "both")


def test_two_workers_with_four_threads_share_what_is_kept(folder, film):
    found, wrong = [], []

    def visit(url):
        try:
            visitor = Visitor(url)
            for _ in range(4):
                found.extend(visitor.analyse(film, "both"))
        except (ServingError, OSError) as error:
            wrong.append(error)

    with serving(folder, XRAY_WORKERS="2") as service:
        until(lambda: len(service.server.workers()) == 2)
        visitors = [threading.Thread(target=visit, args=(service.url,)) for _ in range(6)]
        [each.start() for each in visitors]
        [each.join() for each in visitors]
        assert wrong == [] and len(set(found)) == 48
        assert len(service.rows()) == 24 and len(service.copies()) == 48 and service.left() == []


def test_where_files_may_not_grow_nothing_is_kept_by_half(folder, film, large_film):
    # As a quota does it, and without anybody's rights.
    with serving(folder, limit=600_000) as service:
        assert "507" in refused(Visitor(service.url), large_film)
        assert service.copies() == [] and service.left() == [] and service.rows() == []
        assert Visitor(service.url).analyse(film, "covid_normal")


@contextmanager
def small_disk(folder: Path, size: str = "3m") -> Iterator[Callable[[str], None]]:
    """Mount a small disk; skip where that is not allowed. Gives what changes its options."""
    mount = shutil.which("mount")
    command = [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if not mount or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        yield lambda option: subprocess.run([mount, "-o", f"remount,{option}", str(folder)], check=True)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_gives_a_clear_page_until_there_is_room_again(folder, film):
    with small_disk(folder), serving(folder) as service:
        visitor = Visitor(service.url)
        first = visitor.analyse(film, "both")
        rows, filler = service.rows(), folder / "filler"
        with pytest.raises(OSError, match="No space"), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        assert "507" in refused(visitor, film)
        assert service.left() == [] and len(service.copies()) == len(first) and service.rows() == rows
        filler.unlink()
        assert visitor.analyse(film, "both") and len(service.rows()) == len(rows) + 1


def test_a_full_disk_for_uploads_gives_a_clear_page(folder, tmp_path, large_film, film):
    passing = tmp_path / "passing"
    passing.mkdir()
    with small_disk(passing, "600k"), serving(folder, TMPDIR=str(passing)) as service:
        assert "507" in refused(Visitor(service.url), large_film)
        assert list(passing.iterdir()) == [] and service.rows() == []
        assert Visitor(service.url).analyse(film, "both")


def test_a_disk_that_becomes_read_only_loses_nothing(folder, film):
    # A disk with a database that is in use cannot be remounted; the copies' own can.
    (folder / "copies").mkdir()
    with small_disk(folder / "copies") as change, serving(folder) as service:
        visitor = Visitor(service.url)
        copies = visitor.analyse(film, "both")
        rows = service.rows()
        change("ro")
        assert "answered 500" in refused(visitor, film)
        assert service.rows() == rows and len(service.copies()) == len(copies) and service.left() == []
        change("rw")
        assert visitor.analyse(film, "both")


def test_folders_that_are_missing_are_made_again(folder, film):
    with serving(folder) as service:
        visitor = Visitor(service.url)
        visitor.analyse(film, "both")
        shutil.rmtree(folder / "copies")
        shutil.rmtree(folder / "instance" / "analyses")
        assert visitor.analyse(film, "both") and len(service.copies()) == 2
        assert (folder / "instance" / SWEPT).is_file()


def test_the_log_holds_no_name_of_a_file_and_no_address_of_a_visitor(folder, film):
    with serving(folder, XRAY_PASSWORD="") as service:
        visitor, port = Visitor(service.url), int(service.url.rpartition(":")[2])
        copies = visitor.analyse(film, "both")
        refused(visitor, b"no film")
        for words in (
            b"GET /Jane_Doe.png HTTP/9.9\r\n\r\n",
            b"Jane_Doe\r\n\r\n",
            b"GET / HTTP/1.1\r\nJane Doe\r\n\r\n",
        ):
            with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as raw:
                raw.sendall(words)
                raw.recv(4096)
        os.kill(service.worker(), signal.SIGSEGV)
        until(lambda: urllib.request.urlopen(f"{service.url}/healthz", timeout=10).read())
        said = [line for line in service.log.read_text().splitlines() if "Listening at" not in line]
    assert said, "the log is empty, so nothing was looked at"
    assert not [line for line in said if re.search(r"Jane|127\.0\.0\.1|Name_film|\.png", line)]
    assert copies
