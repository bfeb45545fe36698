"""Many uploads of every kind, for long: `python -m benchmarks.soak` (`make soak`).

Sixteen clients send good, bad, huge and slow uploads, and some that break off, to the real gunicorn. Checked are: no
answer of 500 or above, no growth of memory after the first 500 requests, no file left over, as many annotated copies as
verdicts; and before all that, that a visitor is answered while twenty others hold half-sent uploads open.
"""

import argparse
import http.client
import random
import re
import socket
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple
from urllib.parse import urlsplit

import cv2
import numpy as np

from benchmarks.figure import circumstances
from benchmarks.films import full_size
from benchmarks.server import Server, Visitor, multipart, serving

REQUESTS, CLIENTS, SETTLED = 5000, 16, 500
HALF_OPEN = 20
# What may lie in the folders that the server writes to: no draft, no temporary upload.
EXPECTED = re.compile(
    r"log|copies/[A-Z]+_Prob_\d+_Name_[\w-]+\.png|instance/(secret_key|\.swept|analyses\.sqlite3(-wal|-shm)?)"
    r"|instance/analyses/[\w-]{22}/[\w-]+\.(png|jpg)"
)
GROWTH = 1.05


class Upload(NamedTuple):
    """What a client sends, and how: "whole", "slowly", or "broken" off in the middle."""

    kind: str
    data: bytes
    expected: tuple[int, ...]
    manner: str = "whole"


class Browser:
    """A client that looks at the status, whatever it is."""

    def __init__(self, url: str) -> None:
        """Get a cookie and a form's token."""
        self._host = urlsplit(url).netloc
        connection = http.client.HTTPConnection(self._host, timeout=120)
        connection.request("GET", "/")
        answer = connection.getresponse()
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.read().decode())
        self._token = token[1] if token else ""
        self._cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
        connection.close()

    def send(self, upload: Upload) -> int | None:
        """Send an upload; return the status, or None where it was broken off, or the server hung up on it."""
        body, kind = multipart({"csrf_token": self._token.encode(), "model": b"covid_normal"}, "film.png", upload.data)
        connection = http.client.HTTPConnection(self._host, timeout=180)
        try:
            connection.putrequest("POST", "/query")
            for name, value in (("Cookie", self._cookie), ("Content-Type", kind), ("Content-Length", str(len(body)))):
                connection.putheader(name, value)
            connection.endheaders()
            half = len(body) // 2
            connection.send(body[:half])
            if upload.manner == "broken":
                return None
            if upload.manner == "slowly":
                time.sleep(2)
            connection.send(body[half:])
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (ConnectionError, http.client.HTTPException):
            return self._early_answer(connection)
        finally:
            connection.close()

    def _early_answer(self, connection: http.client.HTTPConnection) -> int | None:
        """Read the answer of a server that did not wait for the end of what it refuses."""
        try:
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None


def uploads(count: int, seed: int = 0) -> list[Upload]:
    """Make a mixture: seven of ten are films, the others are not, or come in another manner."""
    films = [film.data for film in full_size()]
    colours = np.random.default_rng(0).integers(0, 255, (400, 400, 3), np.uint8)
    photograph = cv2.imencode(".png", cv2.GaussianBlur(colours, (0, 0), 3) // 2 * 3)[1].tobytes()
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60000).to_bytes(4, "big") * 2 + bytes(60)
    bad = [films[0][: len(films[0]) // 2], b"no picture", b"GIF89a" + bytes(200), b"<svg xmlns='x'/>", photograph, b""]
    chance = random.Random(seed)  # noqa: S311 - a mixture, no secret
    kinds = {
        "good": lambda: Upload("good", chance.choice(films), (200,)),
        "bad": lambda: Upload("bad", chance.choice(bad), (400, 415, 422)),
        "huge pixels": lambda: Upload("huge pixels", bomb, (400, 413)),
        "huge file": lambda: Upload("huge file", bytes(33 * 2**20), (413,)),
        "slow": lambda: Upload("slow", chance.choice(films), (200,), "slowly"),
        "broken off": lambda: Upload("broken off", chance.choice(films), (), "broken"),
    }
    weights = (70, 15, 4, 1, 5, 5)
    return [kinds[kind]() for kind in chance.choices(list(kinds), weights, k=count)]


def answered_beside_half_open(server: Server) -> float:
    """Return how many seconds a visitor waits for a verdict while others hold half-sent uploads open."""
    visitor, film = Visitor(server.url), full_size()[0]
    visitor.answer(visitor.request(film.data, "covid_normal", film.name))
    fields = b"Host: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 900000\r\n\r\n"
    address = urlsplit(server.url)
    with ExitStack() as held:
        for _ in range(HALF_OPEN):
            connection = held.enter_context(socket.create_connection((address.hostname, address.port)))
            connection.sendall(b"POST /query HTTP/1.1\r\n" + fields + b"--b\r\n" + bytes(1000))
        time.sleep(1)
        start = time.perf_counter()
        visitor.answer(visitor.request(film.data, "covid_normal", film.name))
        return time.perf_counter() - start


class Soak:
    """One run, and what was seen in it."""

    def __init__(self, server: Server, requests: int, clients: int) -> None:
        """Prepare the mixture."""
        self.server, self.counts, self.unexpected = server, Counter[str](), Counter[str]()
        self.settled_mb = self.end_mb = 0.0
        self._waiting, self._clients, self._sent = uploads(requests), clients, 0
        self._lock = threading.Lock()

    def run(self) -> None:
        """Let all clients send until nothing is left."""
        with ThreadPoolExecutor(self._clients) as threads:
            for done in [threads.submit(self._send) for _ in range(self._clients)]:
                done.result()

    def _send(self) -> None:
        browser = Browser(self.server.url)
        while upload := self._next():
            status = browser.send(upload)
            resident = self.server.resident_mb()[0]
            with self._lock:
                self.counts[f"{upload.kind}: {status or 'no answer'}"] += 1
                if status is not None and status not in upload.expected:
                    self.unexpected[f"{upload.kind}: {status}"] += 1
                self._sent += 1
                if self._sent <= SETTLED:
                    self.settled_mb = max(self.settled_mb, resident)
                else:
                    self.end_mb = max(self.end_mb, resident)

    def _next(self) -> Upload | None:
        with self._lock:
            return self._waiting.pop() if self._waiting else None

    def problems(self, verdicts: int) -> list[str]:
        """Return what went wrong.

        Args:
            verdicts: that were given before this run.
        """
        files = [str(path.relative_to(self.server.folder)) for path in self.server.folder.rglob("*") if path.is_file()]
        copies = sum(name.startswith("copies/") for name in files)
        good = verdicts + sum(count for what, count in self.counts.items() if what.endswith(": 200"))
        found = [f"answered otherwise than expected: {what} ({count} times)" for what, count in self.unexpected.items()]
        found += [f"left over: {name}" for name in files if not EXPECTED.fullmatch(name)][:10]
        if copies != good:
            found.append(f"{copies} annotated copies for {good} verdicts")
        if self.end_mb > GROWTH * self.settled_mb:
            found.append(f"memory grew from {self.settled_mb:.0f} to {self.end_mb:.0f} MB")
        return found


def main() -> int:
    """Soak, print what was seen, and return 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=REQUESTS, help=f"uploads (default: {REQUESTS})")
    parser.add_argument("--clients", type=int, default=CLIENTS, help=f"at the same time (default: {CLIENTS})")
    asked = parser.parse_args()
    print(circumstances())
    with serving({"XRAY_KEEP_COUNT": "1000000"}) as server:
        pid = server.workers()
        waited = answered_beside_half_open(server)
        print(f"a verdict beside {HALF_OPEN} half-sent uploads: {waited:.2f} s", flush=True)
        soak = Soak(server, asked.requests, asked.clients)
        start = time.perf_counter()
        soak.run()
        seconds = time.perf_counter() - start
        problems = soak.problems(verdicts=2) + (["the worker was restarted"] if server.workers() != pid else [])
    print(f"{asked.requests} uploads, {asked.clients} clients: {seconds:.0f} s")
    print("\n".join(f"  {what}: {count}" for what, count in sorted(soak.counts.items())))
    print(f"memory, the most in the first {SETTLED}: {soak.settled_mb:.0f} MB; after them: {soak.end_mb:.0f} MB")
    print("\n".join(f"WRONG: {problem}" for problem in problems) or "nothing wrong")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
