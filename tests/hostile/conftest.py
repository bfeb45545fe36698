"""The real application with the real models, and a look at everything that it keeps."""

import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from benchmarks.fuzz import memory
from web.factory import create_app
from xray.registry import Registry

# A small host gives 512 MB, of which the application holds 190.
MOST_MB = 320
# Of processor time, for all doors together: what takes longer is taken for endless.
MOST_SECONDS = 20
BOUNDARY = b"a-boundary-that-no-film-holds"


@pytest.fixture(scope="session")
def grey(radiograph: Callable[..., np.ndarray]) -> np.ndarray:
    """A film that the real models read: uint8, shape (256, 240)."""
    return radiograph(256, 240)


@pytest.fixture(scope="session")
def film(grey: np.ndarray) -> bytes:
    """The same film as PNG."""
    return cv2.imencode(".png", grey)[1].tobytes()


@pytest.fixture(scope="session")
def real_registry() -> Registry:
    """The models that are served."""
    return Registry.load()


@dataclass(frozen=True)
class House:
    """An application, the folder that it writes to, and those who come."""

    app: Flask
    folder: Path

    def visitor(self) -> FlaskClient:
        return self.app.test_client()

    def kept(self) -> set[str]:
        """Name every file that is there, passing ones too, and every row of the table."""
        from sqlalchemy import select

        from web.analyses.database import analyses

        engine = self.app.extensions["xray"].analyses.records.engine
        with engine.connect() as connection:
            rows = {f"row {id}" for (id,) in connection.execute(select(analyses.c.id))}
        files = {str(path) for path in self.folder.rglob("*") if path.is_file() and "sqlite3" not in path.name}
        return rows | files


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, real_registry: Registry) -> Iterator[House]:
    """An application of its own for each module."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "temp").mkdir()
    before, tempfile.tempdir = tempfile.tempdir, str(folder / "temp")
    config = {
        "SECRET_KEY": "a key for tests only",
        "INSTANCE_DIR": str(folder / "instance"),
        "ANALYSIS_DIR": str(folder / "copies"),
        "WTF_CSRF_ENABLED": False,
        "PROPAGATE_EXCEPTIONS": False,
    }
    yield House(create_app(config, registry=real_registry), folder)
    tempfile.tempdir = before


@pytest.fixture
def bounded() -> Callable[[], AbstractContextManager[None]]:
    """Fail what takes too much memory or does not end inside `with bounded():`."""
    return within_bounds


@contextmanager
def within_bounds() -> Iterator[None]:
    def endless(*_: object) -> None:
        raise TimeoutError(f"Expected an end within {MOST_SECONDS} s of processor time.")

    signal.signal(signal.SIGPROF, endless)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    clear, before = Path("/proc/self/clear_refs"), memory("VmRSS")
    if clear.exists():
        clear.write_text("5", encoding="ascii")  # the peak begins anew: proc(5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if clear.exists():
        assert memory("VmHWM") - before < MOST_MB


Post = Callable[..., TestResponse]


@pytest.fixture(scope="session")
def post() -> Post:
    """Send a form whose file has any name at all, as no browser would."""

    def send(client: FlaskClient, address: str, data: bytes, name: bytes = b'filename="film.png"', **fields: str):
        parts = [
            b'name="%s"\r\n\r\n%s' % (key.encode(), value.encode(errors="surrogateescape"))
            for key, value in fields.items()
        ]
        parts.append(b'name="file"; %s\r\nContent-Type: image/png\r\n\r\n%s' % (name, data))
        body = b"".join(b"--%s\r\nContent-Disposition: form-data; %s\r\n" % (BOUNDARY, part) for part in parts)
        kind = f"multipart/form-data; boundary={BOUNDARY.decode()}"
        return client.post(address, data=body + b"--%s--\r\n" % BOUNDARY, content_type=kind)

    return send


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "house"
    made.mkdir()
    return made
