"""How long an upload is waited for: whoever sends too slowly, or stops, shall not hold a thread that others need.

A request that falls behind is ended with 408. What sends nothing at all is cut off by the socket's own limit, which
gunicorn.conf.py sets; a proxy that takes uploads in whole before it passes them on does the rest.
"""

import time
from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING

from flask import Flask
from werkzeug.exceptions import RequestTimeout

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# So long nothing is asked; then as many bytes as a poor line sends: 5 MB may take five minutes.
GRACE_S, LEAST_BYTES_PER_S = 15.0, 16_000


class Watched:
    """A request's body that is read only as long as it keeps coming."""

    def __init__(self, body: IO[bytes], clock: Callable[[], float] = time.monotonic) -> None:
        """Start to count."""
        self._body, self._clock, self._start, self._read = body, clock, clock(), 0

    def read(self, size: int = -1) -> bytes:
        """Read up to so many bytes; all of them if none are named.

        Raises:
            RequestTimeout: the body comes too slowly.
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


def watch(app: Flask) -> None:
    """Let an application lose its patience with slow uploads."""
    inner = app.wsgi_app

    def watched(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ["wsgi.input"] = Watched(environ["wsgi.input"])
        return inner(environ, start_response)

    app.wsgi_app = watched  # type: ignore[method-assign]  # Flask documents this very assignment
