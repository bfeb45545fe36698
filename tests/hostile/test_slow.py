"""Peers that send or read slowly: they hold no thread that others need."""

import http.client
import socket
import time
from contextlib import ExitStack

import pytest

from tests.hostile.service import serving

PEERS = 34


def trickled(peer: socket.socket) -> None:
    peer.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")


def unread(peer: socket.socket) -> None:
    # More than the system takes in for a peer that does not read: 4 MB.
    peer.sendall(b"GET /static/examples/average_covid.png HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)


def half_sent(peer: socket.socket) -> None:
    peer.sendall(b"POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nhalf of it")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slow") / "house"
    folder.mkdir()
    with serving(folder, XRAY_WORKER_THREADS="8") as served:
        yield served


@pytest.mark.parametrize("manner", [trickled, unread, half_sent])
def test_others_are_answered_beside_more_slow_peers_than_threads(service, manner):
    port = int(service.url.rpartition(":")[2])
    with ExitStack() as held:
        for _ in range(PEERS):
            peer = held.enter_context(socket.socket())
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.connect(("127.0.0.1", port))
            manner(peer)
        time.sleep(4 if manner is unread else 1)
        began = time.monotonic()
        for path in ("/healthz", "/", "/about"):
            other = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=("127.0.0.2", 0))
            other.request("GET", path)
            assert other.getresponse().status == 200
            other.close()
        assert time.monotonic() - began < 5
        if manner is trickled:
            # Its whole head must be there in time, or else it is hung up on.
            peer.settimeout(30)
            assert peer.recv(100) == b""
    assert "Traceback" not in service.log.read_text()
