"""A file comes whole over a connection that breaks, or not at all."""

import numpy as np
import pytest

from training.data.download import resume
from training.data.download.resume import CHUNK, Resume
from xray.errors import DatasetError

CONTENT = np.random.default_rng(1).bytes(1_000_000)


@pytest.fixture
def publisher(serve):
    return serve(CONTENT)


@pytest.fixture(autouse=True)
def waited(monkeypatch):
    """The pauses, which are not taken."""
    found = []
    monkeypatch.setattr(resume.time, "sleep", found.append)
    return found


@pytest.fixture
def get(tmp_path, publisher):
    """Fetch the file."""

    def run(**how):
        downloader = Resume(tmp_path / "file.part", "set", "https://example.org/page", **how)
        downloader(publisher.address, str(tmp_path / "file"), None)
        return (tmp_path / "file").read_bytes()

    return run


def left_behind(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir())


def test_a_broken_connection_goes_on_where_it_broke(get, publisher, tmp_path):
    publisher.days.extend([{"cut": 150_000}, {"cut": 100_000}])
    assert get() == CONTENT
    assert [asked for asked, _ in publisher.seen] == ["", f"bytes={2 * CHUNK}-", f"bytes={3 * CHUNK}-"]
    assert left_behind(tmp_path) == ["file"]


def test_the_next_run_goes_on_too(get, publisher, tmp_path, monkeypatch):
    monkeypatch.setattr(resume, "TRIES", 1)
    publisher.days.append({"cut": 150_000})
    with pytest.raises(DatasetError, match="run the same command again"):
        get()
    assert left_behind(tmp_path) == ["file.part", "file.part.version"]
    assert get() == CONTENT
    assert publisher.seen[-1][0] == f"bytes={2 * CHUNK}-"


def test_pieces_of_two_versions_are_not_joined(get, publisher, monkeypatch):
    """The file was replaced between the tries: If-Range makes the server send all of the new one."""

    def replaced(_):
        publisher.content, publisher.tag = CONTENT[::-1], '"two"'

    monkeypatch.setattr(resume.time, "sleep", replaced)
    publisher.days.append({"cut": 150_000})
    assert get() == CONTENT[::-1]
    assert [bool(asked) for asked, _ in publisher.seen] == [False, True]


@pytest.mark.parametrize(
    ("days", "pauses"),
    [
        ([{"status": 429, "headers": {"Retry-After": "7"}}, {"status": 429}], [7, 2]),
        ([{"status": 500}], [1]),
        ([{"status": 503}], [1]),
        ([{"status": 429, "headers": {"Retry-After": "86400"}}], [resume.LONGEST_PAUSE]),
        ([{"cut": 150_000}, {"ranges": False}], [1]),
    ],
    ids=["asks for a pause", "500", "503", "asks for a long pause", "knows no ranges"],
)
def test_a_server_on_a_bad_day_is_asked_again(get, publisher, waited, days, pauses):
    publisher.days.extend(days)
    assert get() == CONTENT
    assert waited == pauses


@pytest.mark.parametrize(
    ("day", "says"),
    [
        ({"status": 404}, "status 404.*by hand from https://example.org/page, as .*/file, "),
        ({"status": 410}, "status 410"),
        ({"status": 403}, "status 403.*by hand"),
        ({"page": True}, "a web page.*by hand"),
    ],
)
def test_a_refusal_is_told_at_once(get, publisher, tmp_path, day, says):
    publisher.days.append(day)
    with pytest.raises(DatasetError, match=says):
        get()
    assert len(publisher.seen) == 1
    assert left_behind(tmp_path) == []


def test_a_login_is_sent_where_it_is_asked_for(get, publisher):
    publisher.login = ("somebody", "secret-key")
    with pytest.raises(DatasetError, match="status 401.*by hand"):
        get()
    with pytest.raises(DatasetError, match="token is wrong") as refused:
        get(token=("somebody", "wrong-key"))
    assert "wrong-key" not in str(refused.value)
    assert get(token=("somebody", "secret-key")) == CONTENT


def test_a_login_does_not_follow_to_another_server(get, publisher, serve):
    """Kaggle sends its callers on to a store of another company."""
    store = serve(CONTENT[::-1])
    publisher.login = ("somebody", "secret-key")
    publisher.days.append({"status": 302, "headers": {"Location": store.address}})
    assert get(token=publisher.login) == CONTENT[::-1]
    assert [login for _, login in store.seen] == [""]
