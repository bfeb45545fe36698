"""The service as it is run: gunicorn with the repository’s own settings."""

import os
import resource
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.server import Server, ServingError, Visitor, free_port

ROOT = Path(__file__).resolve().parents[2]
PATIENT_S = 120


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
        return [path.name for path in self.folder.rglob("*.part")]

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
    port = free_port()
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


def whole(path: Path) -> bool:
    return cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED) is not None


def refused(visitor: Visitor, picture: bytes) -> str:
    with pytest.raises(ServingError) as caught:
        visitor.analyse(picture, "both")
    return str(caught.value)
