"""The service as it is run: gunicorn with the repository’s own settings."""

import sqlite3
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.server import Server, ServingError, Visitor, free_port
from tests.web.cloud.programs import gunicorn, until


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
        return sorted((self.folder / "copies").glob("[A-Z]*.jpg"))

    def left(self) -> list[str]:
        """Name what is there by half."""
        return [path.name for path in self.folder.rglob("*.part")]

    def rows(self) -> list[tuple[str, str]]:
        with closing(sqlite3.connect(self.folder / "instance" / "analyses.sqlite3")) as database:
            assert database.execute("pragma integrity_check").fetchone() == ("ok",)
            return database.execute("select id, content from analyses").fetchall()


@contextmanager
def serving(folder: Path, limit: int | None = None, **settings: str) -> Iterator[Service]:
    """Serve the application, with files of at most `limit` bytes; its log lies beside its folder, which may be full."""
    port, logs = free_port(), folder.with_name(f"{folder.name}-log")
    logs.mkdir(exist_ok=True)
    own = {"XRAY_INSTANCE_DIR": str(folder / "instance"), "XRAY_ANALYSIS_DIR": str(folder / "copies")}
    limited = ["prlimit", f"--fsize={limit}"] if limit else []
    with gunicorn(logs, port, *limited, **{"XRAY_WORKER_THREADS": "4", **own, **settings}) as program:
        url = f"http://127.0.0.1:{port}"
        until(lambda: urllib.request.urlopen(f"{url}/healthz", timeout=10).read())
        yield Service(Server(url, program.process.pid, folder, time.monotonic()), folder, logs / "log")


def whole(path: Path) -> bool:
    return cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED) is not None


def refused(visitor: Visitor, picture: bytes) -> str:
    with pytest.raises(ServingError) as caught:
        visitor.analyse(picture, "both")
    return str(caught.value)
