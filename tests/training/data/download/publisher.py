"""A real server on this machine that does what servers do on bad days."""

import base64
import contextlib
import hashlib
import io
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from zipfile import ZipFile

WHOLE = {}  # a good day


@dataclass
class Publisher:
    """Serves one file at every path; `seen` holds the Range and the login of each request.

    `days` says how each request goes, in turn; WHOLE once they are used up. Keys: `status`, `headers`, `cut` (bytes
    after which the connection breaks), `ranges` (False: unheard), `corrupt`, `page`, `length` (False: not announced).
    """

    content: bytes
    address: str = ""
    days: deque = field(default_factory=deque)
    tag: str = '"one"'
    login: tuple[str, str] | None = None
    seen: list[tuple[str, str]] = field(default_factory=list)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers for the publisher that its server carries."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        publisher = self.server.publisher
        day = publisher.days.popleft() if publisher.days else WHOLE
        asked, login = self.headers.get("Range", ""), self.headers.get("Authorization", "")
        publisher.seen.append((asked, login))
        self.close_connection = True
        if publisher.login and login != "Basic " + base64.b64encode(":".join(publisher.login).encode()).decode():
            return self.answer(401, {}, b"")
        if "status" in day:
            return self.answer(day["status"], day.get("headers", {}), b"no")
        if "page" in day:
            return self.answer(200, {"Content-Type": "text/html; charset=utf-8"}, b"<p>Are you a robot?</p>")
        return self.send_file(day, asked)

    def send_file(self, day: dict, asked: str) -> None:
        publisher = self.server.publisher
        body, status, headers = publisher.content, 200, {"ETag": publisher.tag}
        if day.get("corrupt"):
            body = body[:100] + bytes(64) + body[164:]
        same = self.headers.get("If-Range") == publisher.tag
        if asked and same and day.get("ranges", True):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                return self.answer(416, {"Content-Range": f"bytes */{len(body)}"}, b"")
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            body, status = body[start:], 206
        return self.answer(status, headers, body, day.get("cut"), day.get("length", True))

    def answer(self, status: int, headers: dict, body: bytes, cut: int | None = None, length: bool = True) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # of a caller who has seen enough
            self.wfile.write(body[:cut])


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()
