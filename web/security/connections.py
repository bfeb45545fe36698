"""A gunicorn worker in which no sender can hold all threads by being slow.

gunicorn's own gives a thread to a request as soon as its first byte is there. Here a request gets one when its head is
whole, which is awaited without a thread, and no sender has more than a share of the threads: what it sends beyond
waits in a queue of its own. So whoever trickles headers or uploads, or does not read what comes back, keeps others
waiting no longer than they would wait anyway.
"""

import errno
import os
import selectors
import time
from collections import Counter, deque
from concurrent.futures import Future
from functools import cached_property, partial
from itertools import chain
from socket import socket
from typing import Any

from gunicorn.errors import ConfigError
from gunicorn.workers.gthread import TConn, ThreadWorker

from web.security import senders

# From the first byte of a head, or from the opening of a connection, to the end of the head.
HEAD_S = 10
# gunicorn itself refuses longer ones.
MOST_HEAD_BYTES = 64 * 1024
END_OF_HEAD = b"\r\n\r\n"


class FairWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's threaded worker, fair among senders."""

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse TLS, whose heads cannot be read before its handshake."""
        super().check_config(cfg, log)
        if cfg.is_ssl:
            raise ConfigError("Expected TLS to be a proxy's (docs/deploy.md), received a certificate: remove it.")

    def __init__(self, *args: Any, **more: Any) -> None:
        """Start without a connection."""
        super().__init__(*args, **more)
        self._share = max(1, self.cfg.threads * 3 // 4)
        self._most_open = max(1, self.cfg.worker_connections // 4)
        # The threads that each sender has, and its requests that wait for one.
        self._busy = Counter[str]()
        self._waiting: dict[str, deque[TConn]] = {}

    @cached_property
    def _proxies(self) -> int:
        """How many proxies stand in front: first asked for when the application, which checks its settings, runs."""
        return int(os.environ.get("XRAY_PROXIES") or 0)

    def accept(self, listener: Any) -> None:
        """Accept a connection, unless its other end, if that is no proxy, has too many open."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        conn = TConn(self.cfg, client, address, listener.getsockname())
        idle = chain(self.pending_conns, self.keepalived_conns, *self._waiting.values())
        if not self._proxies and sum(_peer(each) == _peer(conn) for each in idle) >= self._most_open:
            conn.close()
            return
        self.nr_conns += 1
        self.enqueue_req(conn)

    def enqueue_req(self, conn: TConn) -> None:
        """Wait for the head of a connection's next request; a part of it may have been read with the previous one."""
        conn.head = bytearray(conn.parser.unreader.take_buffered() if conn.parser else b"")
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + HEAD_S
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))
        if END_OF_HEAD in conn.head:
            self._admit(conn)

    def on_pending_socket_readable(self, conn: TConn, client: socket) -> None:
        """Read more of a head; when it is whole, the request takes its turn."""
        seen = max(0, len(conn.head) - len(END_OF_HEAD))
        try:
            more = client.recv(MOST_HEAD_BYTES)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        conn.head += more
        if not more:
            self._forget(conn)
            self.nr_conns -= 1
            conn.close()
        elif conn.head.find(END_OF_HEAD, seen) >= 0 or len(conn.head) >= MOST_HEAD_BYTES:
            self._admit(conn)

    def handle(self, conn: TConn) -> object:
        """Handle a request, whose head was read already, in a thread of the pool."""
        conn.sock.setblocking(True)
        conn.init()
        conn.parser.unreader.unread(bytes(conn.head))
        conn.head, conn.data_ready = bytearray(), True
        return super().handle(conn)

    def finish_request(self, conn: TConn, fs: "Future[object]") -> None:
        """Give the thread to the sender's next request."""
        self._busy[conn.sender] -= 1
        if waiting := self._waiting.get(conn.sender):
            self._start(waiting.popleft())
        if not waiting:
            self._waiting.pop(conn.sender, None)
        self._busy += Counter()  # forgets those who have none
        super().finish_request(conn, fs)

    def _admit(self, conn: TConn) -> None:
        """Start a request whose head is whole, or let it wait for another of its sender to end."""
        self._forget(conn)
        conn.sender = senders.of_head(bytes(conn.head), _peer(conn), self._proxies)
        if self._busy[conn.sender] < self._share:
            self._start(conn)
        else:
            self._waiting.setdefault(conn.sender, deque()).append(conn)

    def _start(self, conn: TConn) -> None:
        self._busy[conn.sender] += 1
        super().enqueue_req(conn)

    def _forget(self, conn: TConn) -> None:
        """Stop waiting for a connection's head."""
        self.poller.unregister(conn.sock)
        self.pending_conns.remove(conn)


def _peer(conn: TConn) -> str:
    """Return the address of the other end; empty for a socket of this machine's file system."""
    return str(conn.client[0]) if isinstance(conn.client, tuple) else ""
