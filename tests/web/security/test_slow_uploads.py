"""Uploads that come too slowly are ended; slow lines are not."""

import io
from collections.abc import Iterator

import pytest
from werkzeug.exceptions import RequestTimeout

from web.security.slow_uploads import GRACE_S, LEAST_BYTES_PER_S, TimedBody


def ticking(seconds: float) -> Iterator[float]:
    """Tell a time that goes on by so much with each look."""
    now = 0.0
    while True:
        yield now
        now += seconds


def test_a_slow_line_is_waited_for() -> None:
    content = bytes(20 * LEAST_BYTES_PER_S)
    assert TimedBody(io.BytesIO(content), ticking(1.0).__next__).read() == content


def test_a_trickle_is_ended() -> None:
    body = TimedBody(io.BytesIO(bytes(10_000)), ticking(1.0).__next__)
    with pytest.raises(RequestTimeout):
        for _ in range(int(GRACE_S) + 2):
            assert len(body.read(10)) == 10


def test_a_slow_upload_is_answered_with_its_status(client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.security.slow_uploads.GRACE_S", -1e9)
    answer = client.post("/preview", data={"file": (io.BytesIO(b"x" * 100), "film.png")})
    assert answer.status_code == 408
