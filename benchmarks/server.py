"""An application, served for a measurement: gunicorn on a free port, and a visitor who sends radiographs.

The articles' 48 held-out films at full size if XRAY_DATA has them, else averages.
"""

import http.cookiejar
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

REPOSITORY = Path(__file__).resolve().parent.parent
# Made of many normal radiographs by training/studies/average.py. A drawing would be refused.
AVERAGE = REPOSITORY / "static" / "examples" / "average_normal.png"
AVERAGES = 8
START_SECONDS = 60
VERDICT = re.compile(r"\b(POSITIVE|NEGATIVE|INCONCLUSIVE)\b")
COPY = re.compile(r'href="(/analyses/[\w-]{22}/annotated-\w+\.(?:jpg|png))" download')


class Film(NamedTuple):
    """A file: its name and its content."""

    name: str
    data: bytes


def full_size() -> list[Film]:
    """Return the radiographs of full size, in an order that mixes their classes."""
    # Not above: whoever only needs an average may have no packages of training.
    from training.config import data_root

    found = sorted((data_root() / "rovai_validation").glob("*/*.jp*g"), key=lambda path: path.name)
    if found:
        return [Film(path.name, path.read_bytes()) for path in found]
    return [Film(f"average_{seed}.png", png(average(seed=seed))) for seed in range(AVERAGES)]


def average(side: int = 2236, *, seed: int = 0) -> NDArray[np.uint8]:
    """Enlarge the average radiograph, which is nobody's, and give it a radiograph's grain.

    Args:
        side: height and width in pixels; the default makes 5 megapixels.
        seed: decides the grain.

    Returns:
        uint8, shape (side, side).
    """
    small = cv2.imread(str(AVERAGE), cv2.IMREAD_GRAYSCALE)
    if small is None:
        raise FileNotFoundError(AVERAGE)
    large = np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC))
    grain = np.random.default_rng(seed).normal(0, 4, large.shape).astype(np.float32)
    return np.asarray(np.clip(large + grain, 0, 255), np.uint8)


def png(image: NDArray[np.uint8]) -> bytes:
    """Encode an image as PNG."""
    return bytes(cv2.imencode(".png", image)[1].tobytes())


def described(films: list[Film]) -> str:
    """Say how many they are, of what kind and size."""
    kind = "enlarged averages" if films[0].name.startswith("average") else "of the articles' held-out films"
    size = sum(len(film.data) for film in films) / len(films) / 1e6
    return f"{len(films)} {kind}, {size:.1f} MB each on average"


class ServingError(Exception):
    """The application did not start, or did not give a verdict."""


@dataclass(frozen=True)
class Server:
    """A running gunicorn.

    Attributes:
        url: its address, without a slash at the end.
        pid: the master process.
        folder: where it writes; gone afterwards.
        started: when its process was started, as time.monotonic() tells it.
    """

    url: str
    pid: int
    folder: Path
    started: float

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
        return [int(pid) for pid in children.split()]

    def resident_mb(self) -> tuple[float, float]:
        """Return what the largest worker holds now, and held at most, in MB of 1,000,000 bytes."""
        statuses = [Path(f"/proc/{pid}/status").read_text(encoding="ascii") for pid in self.workers()]
        return max(resident_mb(status) for status in statuses)


def resident_mb(status: str) -> tuple[float, float]:
    """Read a /proc/PID/status: resident now and at most, in MB of 1,000,000 bytes."""
    kilobytes = dict(re.findall(r"^(\w+):\s+(\d+) kB$", status, re.MULTILINE))
    now, most = (int(kilobytes[name]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
    return now, most


@contextmanager
def serving(settings: Mapping[str, str] | None = None, *, wait: bool = True) -> Iterator[Server]:
    """Serve `app:app` with the repository's gunicorn.conf.py, with all that it writes in a passing folder.

    Args:
        settings: environment variables.
        wait: whether to come back only when it answers.
    """
    with tempfile.TemporaryDirectory() as folder:
        written = {"XRAY_ANALYSIS_DIR": f"{folder}/copies", "XRAY_INSTANCE_DIR": f"{folder}/instance", "TMPDIR": folder}
        written["XRAY_RATE_LIMIT"] = "0"  # one address sends more than any visitor does
        environment = written | dict(settings or {})
        with _gunicorn("app:app", REPOSITORY, Path(folder), environment, "/healthz" if wait else None) as server:
            yield server


@contextmanager
def serving_the_reference(model: Path, *, wait: bool = True) -> Iterator[Server]:
    """Serve the reference way, with one worker, as gunicorn does where nobody configures it."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "REFERENCE_MODEL": str(model),
            "REFERENCE_FOLDER": folder,
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        # Not from the repository: its gunicorn.conf.py is ours.
        there, path = Path(folder), "/" if wait else None
        with _gunicorn("benchmarks.reference_app:app", there, there, environment, path) as server:
            yield server


@contextmanager
def _gunicorn(
    application: str, cwd: Path, folder: Path, settings: Mapping[str, str], path: str | None
) -> Iterator[Server]:
    with (folder / "log").open("w+", encoding="utf-8") as log:
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--timeout", "120", application]
        # Whoever ends the measurement ends its server too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        started = time.monotonic()
        process = subprocess.Popen(command, cwd=cwd, env=os.environ | settings, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            if path is not None:
                wait(process, url + path, Path(log.name))
            yield Server(url, process.pid, folder, started)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=START_SECONDS)


class Visitor:
    """Somebody with a browser, cookies and no scripts."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._cookies = http.cookiejar.CookieJar()
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))
        self._token = self._csrf_token()

    def analyse(self, picture: bytes, model: str, name: str = "film.png") -> list[str]:
        """Send a picture through the form and load the annotated copies, as a browser does.

        Returns:
            The copies' paths, one per verdict.

        Raises:
            ServingError: the answer was no verdict, or its annotated copy no picture.
        """
        copies = COPY.findall(self.answer(self.request(picture, model, name)))
        if not copies:
            raise ServingError("Expected a page with an annotated copy. Received one without.")
        for copy in copies:
            if not self._open(urllib.request.Request(self._url + copy)).startswith((b"\xff\xd8", b"\x89PNG")):
                raise ServingError(f"Expected a JPEG or PNG at {copy}.")
        return copies

    def request(self, picture: bytes, model: str, name: str = "film.png") -> urllib.request.Request:
        """Pack a picture into the form; see `analyse`."""
        fields = {"csrf_token": self._token.encode(), "model": model.encode()}
        body, kind = multipart(fields, name, picture)
        request = urllib.request.Request(self._url + "/query", body, {"Content-Type": kind})
        self._cookies.add_cookie_header(request)
        return request

    def send(self, film: Film, model: str) -> str:
        """Send a film through the form and return the page; see `answer`."""
        return self.answer(self.request(film.data, model, film.name))

    def answer(self, request: urllib.request.Request) -> str:
        """Send a form and return the page that comes back.

        Raises:
            ServingError: there is no verdict on it.
        """
        page = self._open(request).decode()
        if not VERDICT.search(page):
            raise ServingError(f"Expected a page with a verdict. Received:\n{page[:2000]}")
        return page

    def _csrf_token(self) -> str:
        page = self._open(urllib.request.Request(self._url + "/")).decode()
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        # The reference way asks for none.
        return found[1] if found else ""

    def _open(self, request: urllib.request.Request) -> bytes:
        try:
            with self._browser.open(request, timeout=60) as response:
                content: bytes = response.read()
                return content
        except urllib.error.HTTPError as error:
            problem = re.search(r'id="problem">(.*?)</div>', error.read().decode(), re.DOTALL)
            said = " ".join(re.sub("<[^>]+>", " ", problem[1]).split()) if problem else "no reason given"
            raise ServingError(f"{request.full_url} answered {error.code}: {said}") from error


def multipart(fields: Mapping[str, bytes], file_name: str, content: bytes) -> tuple[bytes, str]:
    """Encode a form with one file; return the request's body and its content type."""
    file = FileStorage(BytesIO(content), file_name, content_type="image/png")
    boundary, body = encode_multipart({name: value.decode() for name, value in fields.items()} | {"file": file})
    return body, f"multipart/form-data; boundary={boundary}"


def free_port() -> int:
    """Return a port of this machine that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until an address answers.

    Raises:
        ServingError: the process ended, or took too long; with its log.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=START_SECONDS).close()
            return
        except OSError:
            time.sleep(0.1)
    said = log.read_text(encoding="utf-8")
    raise ServingError(f"gunicorn ended, or did not answer within {START_SECONDS} s. Its log:\n{said}")
