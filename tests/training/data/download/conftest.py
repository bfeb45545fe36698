"""A publisher on this machine, and a small data set that it offers."""

import threading
from http.server import ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from tests.training.data.download.publisher import Handler, Publisher, zipped
from training.data.download.published import PublishedSet


@pytest.fixture
def serve(monkeypatch):
    """Start a publisher of some bytes; stopped at the end."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = []

    def start(content: bytes) -> Publisher:
        publisher = Publisher(content)
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.publisher = publisher
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        publisher.address = f"http://127.0.0.1:{server.server_address[1]}/file"
        return publisher

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def films() -> dict[str, bytes]:
    """The children's set as it is published, in small: noise for each class and part, and the usual litter."""
    rng = np.random.default_rng(0)
    found = {"__MACOSX/chest_xray/train/NORMAL/._a.jpeg": b"litter", "chest_xray/train/.DS_Store": b"litter"}
    for number, (part, label, name) in enumerate(
        (part, label, name)
        for part in ("train", "test")
        for label, name in (("NORMAL", "IM-{:04}-0001"), ("PNEUMONIA", "person{}_virus_1"))
    ):
        film = cv2.imencode(".png", rng.integers(0, 256, (64, 64), dtype=np.uint8))[1].tobytes()
        found[f"chest_xray/{part}/{label}/{name.format(number)}.png"] = film
    return found


@pytest.fixture
def children(serve, films) -> tuple[Publisher, PublishedSet]:
    """A publisher of the children's set, and the set as it is known; nobody states a checksum."""
    publisher = serve(zipped(films))
    known = PublishedSet(
        name="kermany", title="Children", page="https://example.org/page", address=publisher.address,
        archive="children.zip", licence="CC BY 4.0", archive_mb=1, unpacked_mb=1,
        holds=("train/NORMAL", "test/PNEUMONIA"), lands="20_Chest_Xray", source=".",
    )  # fmt: skip
    return publisher, known
