"""The application, served for a measurement: gunicorn on a free port, and a visitor who sends pictures."""

import http.cookiejar
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
START_SECONDS = 60
VERDICT = re.compile(r"\b(POSITIVE|NEGATIVE|INCONCLUSIVE)\b")
COPY = re.compile(r'href="(/static/xray_analysis/[^"]+)" download')


class ServingError(Exception):
    """The application did not start, or did not give a verdict."""


@dataclass(frozen=True)
class Server:
    """A running gunicorn.

    Attributes:
        url: its address, without a slash at the end.
        pid: the master process.
    """

    url: str
    pid: int

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
        return [int(pid) for pid in children.split()]


@contextmanager
def serving() -> Iterator[Server]:
    """Serve `app:app` with the repository's gunicorn.conf.py, with its copies and key in a passing folder."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+", encoding="utf-8") as log:
        port = _free_port()
        written = {"XRAY_ANALYSIS_DIR": f"{folder}/copies", "XRAY_INSTANCE_DIR": f"{folder}/instance"}
        written["XRAY_RATE_LIMIT"] = "0"  # one address sends more than any visitor does
        command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "app:app"]
        # Whoever ends the measurement ends its server too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        process = subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | written, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(process, url, Path(log.name))
            yield Server(url, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=START_SECONDS)


class Visitor:
    """Somebody with a browser, cookies and no scripts."""

    def __init__(self, url: str) -> None:
        self._url = url
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._browser = urllib.request.build_opener(cookies)
        self._token = self._csrf_token()

    def analyse(self, picture: bytes, model: str) -> list[str]:
        """Send a picture through the form and load the annotated copies, as a browser does.

        Args:
            picture: a PNG file's bytes.
            model: a value of the form's dropdown.

        Returns:
            The copies' paths: one per verdict.

        Raises:
            ServingError: the answer was no verdict, or its annotated copy no PNG.
        """
        fields = {"csrf_token": self._token.encode(), "model": model.encode()}
        body, kind = _multipart(fields, "film.png", picture)
        page = self._open(urllib.request.Request(self._url + "/query", body, {"Content-Type": kind})).decode()
        copies = COPY.findall(page)
        if not copies or not VERDICT.search(page):
            raise ServingError(f"Expected a page with a verdict and its annotated copy. Received:\n{page[:2000]}")
        for copy in copies:
            if not self._open(urllib.request.Request(self._url + copy)).startswith(b"\x89PNG"):
                raise ServingError(f"Expected a PNG at {copy}.")
        return copies

    def _csrf_token(self) -> str:
        page = self._open(urllib.request.Request(self._url + "/")).decode()
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        if found is None:
            raise ServingError(f"Expected a form with a csrf_token. Received:\n{page[:2000]}")
        return found[1]

    def _open(self, request: urllib.request.Request) -> bytes:
        try:
            with self._browser.open(request, timeout=60) as response:
                content: bytes = response.read()
                return content
        except urllib.error.HTTPError as error:
            problem = re.search(r'id="problem">(.*?)</div>', error.read().decode(), re.DOTALL)
            said = " ".join(re.sub("<[^>]+>", " ", problem[1]).split()) if problem else "no reason given"
            raise ServingError(f"{request.full_url} answered {error.code}: {said}") from error


def _multipart(fields: dict[str, bytes], file_name: str, content: bytes) -> tuple[bytes, str]:
    """Encode a form with one file; return its body and content type."""
    boundary = secrets.token_hex(16)
    parts = [(f'name="{name}"', value) for name, value in fields.items()]
    parts.append((f'name="file"; filename="{file_name}"\r\nContent-Type: image/png', content))
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + value + b"\r\n"
        for head, value in parts
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url + "/healthz", timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    said = log.read_text(encoding="utf-8")
    raise ServingError(f"gunicorn ended, or did not answer within {START_SECONDS} s. Its log:\n{said}")
