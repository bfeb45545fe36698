"""Many uploads of every kind, for long: `python -m benchmarks.soak` (`make soak`).

Sixteen clients send good, bad, huge and slow uploads, and some that break off, to the real gunicorn. Checked are: no
answer of 500 or above, no growth of memory after the first tenth, no file left over, as many annotated copies as
verdicts.
"""

import argparse
import http.client
import random
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.figure import circumstances
from benchmarks.server import Server, Visitor, full_size, serving

REQUESTS, CLIENTS = 5000, 16
# Of memory the medians of so many parts are compared, of which the first fills caches. Not the most that was held: that
# is where the largest radiographs happen to meet, so it rises with their number.
PARTS = 10
# What may lie in the folders that the server writes to: no draft, no temporary upload.
EXPECTED = re.compile(
    r"log|copies/[A-Z]+_Prob_\d+_Name_[\w-]+\.jpg|instance/(secret_key|\.swept|analyses\.sqlite3(-wal|-shm)?)"
    r"|instance/analyses/[\w-]{22}/[\w-]+\.(png|jpg)"
)
GROWTH = 1.05


class Upload(NamedTuple):
    """What a client sends, and how: "whole", "slowly", or "broken" off in the middle."""

    kind: str
    data: bytes
    expected: tuple[int, ...]
    manner: str = "whole"


def uploads(count: int) -> list[Upload]:
    """Make a mixture of so many: seven of ten are radiographs, the others are not, or come in another manner."""
    films = [film.data for film in full_size()]
    colours = np.random.default_rng(0).integers(0, 255, (400, 400, 3), np.uint8)
    photograph = cv2.imencode(".png", cv2.GaussianBlur(colours, (0, 0), 3) // 2 * 3)[1].tobytes()
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60000).to_bytes(4, "big") * 2 + bytes(60)
    bad = [films[0][: len(films[0]) // 2], b"no picture", b"GIF89a" + bytes(200), b"<svg xmlns='x'/>", photograph, b""]
    chance = random.Random(0)  # noqa: S311 - a mixture, no secret
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


def _send(visitor: Visitor, upload: Upload) -> int | None:
    """Send an upload; return the status, or None where it was broken off, or the server hung up on it."""
    request = visitor.request(upload.data, "covid_normal")
    body = request.data or b""
    assert isinstance(body, bytes)  # noqa: S101 - for the type checker
    connection = http.client.HTTPConnection(request.host, timeout=180)
    try:
        connection.putrequest("POST", request.selector)
        for name, value in (*request.header_items(), ("Content-Length", str(len(body)))):
            connection.putheader(name, value)
        connection.endheaders()
        half = len(body) // 2
        connection.send(body[:half])
        if upload.manner == "broken":
            return None
        if upload.manner == "slowly":
            time.sleep(2)
        connection.send(body[half:])
        return _status(connection)
    except (ConnectionError, http.client.HTTPException):
        try:
            # A server need not wait for the end of what it refuses.
            return _status(connection)
        except (OSError, http.client.HTTPException):
            return None
    finally:
        connection.close()


def _status(connection: http.client.HTTPConnection) -> int:
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _soak(server: Server, requests: int, clients: int) -> Iterator[tuple[Upload, int | None, float]]:
    """Let all clients send a mixture; yield each upload with its status and what the worker held then, in MB."""
    visitors = [Visitor(server.url) for _ in range(clients)]

    def one(number: int, upload: Upload) -> tuple[Upload, int | None, float]:
        return upload, _send(visitors[number % clients], upload), server.resident_mb()[0]

    with ThreadPoolExecutor(clients) as threads:
        yield from threads.map(one, range(requests), uploads(requests))


def problems(server: Server, counts: Counter[tuple[Upload, int | None]]) -> list[str]:
    """Return what went wrong."""
    wrong = {
        f"{upload.kind}: {status}": count
        for (upload, status), count in counts.items()
        if status is not None and status not in upload.expected
    }
    files = [str(path.relative_to(server.folder)) for path in server.folder.rglob("*") if path.is_file()]
    copies = sum(name.startswith("copies/") for name in files)
    good = sum(count for (_, status), count in counts.items() if status == 200)
    found = [f"answered otherwise than expected: {what} ({count} times)" for what, count in wrong.items()]
    found += [f"left over: {name}" for name in files if not EXPECTED.fullmatch(name)][:10]
    return found + ([f"{copies} annotated copies for {good} verdicts"] if copies != good else [])


def _medians(held: Sequence[float]) -> list[float]:
    size = -(-len(held) // PARTS)
    return [statistics.median(held[start : start + size]) for start in range(0, len(held), size)]


def main() -> int:
    """Soak, print what was seen, and return 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=REQUESTS, help=f"uploads (default: {REQUESTS})")
    parser.add_argument("--clients", type=int, default=CLIENTS, help=f"at the same time (default: {CLIENTS})")
    asked = parser.parse_args()
    print(circumstances())
    with serving({"XRAY_KEEP_COUNT": "1000000"}) as server:
        pid = server.workers()
        start = time.perf_counter()
        seen = list(_soak(server, asked.requests, asked.clients))
        seconds = time.perf_counter() - start
        counts = Counter((upload._replace(data=b""), status) for upload, status, _ in seen)
        found = problems(server, counts) + (["the worker was restarted"] if server.workers() != pid else [])
    medians = _medians([held for *_, held in seen])
    _, first, *_, last = medians
    found += [f"memory grew from {first:.0f} to {last:.0f} MB"] if last > GROWTH * first else []
    print(f"{asked.requests} uploads, {asked.clients} clients: {seconds:.0f} s")
    seen_by_kind = (f"  {upload.kind}: {status or 'no answer'}: {n}" for (upload, status), n in counts.items())
    print("\n".join(sorted(seen_by_kind)))
    most = max(held for *_, held in seen)
    print(
        f"memory, medians of {PARTS} parts: {', '.join(f'{each:.0f}' for each in medians)} MB; the most: {most:.0f} MB"
    )
    print("\n".join(f"WRONG: {problem}" for problem in found) or "nothing wrong")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
