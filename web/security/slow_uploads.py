"""Bounds on slow uploads: whoever sends too slowly, or stops, does not hold a thread that others need.

A request that falls behind is ended with 408. One that sends nothing at all is cut off by the socket's own timeout,
which gunicorn.conf.py sets. A proxy that takes in whole uploads before it passes them on does the rest.
"""

import time
from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING

from flask import Flask, request
from werkzeug.exceptions import RequestTimeout

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# Seconds in which nothing is asked; then as many bytes as a poor line sends: 5 MB may take five minutes.
GRACE_S, LEAST_BYTES_PER_S = 15.0, 16_000
# The most that is read of a refused upload.
DRAIN_BYTES = 256 * 1024 * 1024
DRAIN_S = 20
CHUNK_BYTES = 64 * 1024


class TimedBody:
    """A request's body that can be read only as long as it keeps coming."""

    def __init__(self, body: IO[bytes], clock: Callable[[], float] = time.monotonic) -> None:
        """Start the clock.

        Args:
            body: What the server gives.
            clock: Returns seconds; it never goes back.
        """
        self._body, self._clock, self._start, self._read = body, clock, clock(), 0

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes, or all.

        Raises:
            RequestTimeout: The body comes too slowly.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 16), b""))
        return self._counted(self._body.read(size))

    def readline(self, size: int = -1) -> bytes:
        """Read a line; see `read`."""
        return self._counted(self._body.readline(size))

    def _counted(self, content: bytes) -> bytes:
        self._read += len(content)
        late = self._clock() - self._start - GRACE_S
        if content and self._read < late * LEAST_BYTES_PER_S:
            raise RequestTimeout
        return content


def init_app(app: Flask) -> None:
    """Bound the uploads of an application."""
    inner = app.wsgi_app

    def timed(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ["wsgi.input"] = TimedBody(environ["wsgi.input"])
        return inner(environ, start_response)

    app.wsgi_app = timed  # type: ignore[method-assign]  # Flask documents this very assignment


def drain() -> None:
    """Read and discard the rest of a refused upload: a browser shows an answer only after it has sent its request."""
    left = min(request.content_length or 0, DRAIN_BYTES)
    deadline = time.monotonic() + DRAIN_S
    stream = request.environ["wsgi.input"]
    while left > 0 and time.monotonic() < deadline:
        chunk = stream.read(min(CHUNK_BYTES, left))
        if not chunk:
            return
        left -= len(chunk)
