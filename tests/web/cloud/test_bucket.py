"""An application that stores its images in a bucket, and a bucket that cannot be reached."""

import re
import signal
import sys
from itertools import count
from threading import enumerate as threads

import pytest

from web.analyses import folders
from web.analyses.folders import Bucket, BucketError
from web.settings import SettingError

OUT_OF_REACH = "The analyses cannot be reached just now"


@pytest.fixture
def make_shared(make_app, cloud, copies, tmp_path):
    """Make an application with its pictures in a bucket; the two folders of one machine are never made."""
    made = []

    def make(**settings):
        made.append(make_app(STORE=cloud.address, **settings))
        [each.join() for each in threads() if each.name == "sweep"]
        return made[-1]

    yield make
    for app in made:
        app.extensions["xray"].analyses.records.engine.dispose()
    assert not copies.exists() and not (tmp_path / "instance" / "analyses").exists()


@pytest.fixture
def shared(make_shared):
    return make_shared().test_client()


@pytest.fixture
def pause(s3, monkeypatch):
    """Let the store fall silent, as one does that is out of reach, and speak again."""
    monkeypatch.setattr(folders, "ANSWER_S", 0.5)

    def change(silent: bool) -> None:
        s3.process.send_signal(signal.SIGSTOP if silent else signal.SIGCONT)

    yield change
    change(False)


def addresses(page: str) -> list[str]:
    return re.findall(r'(?:href|src)="(/analyses/[\w-]{22}/[^"]+)"', page)


def test_a_film_is_read_and_all_its_pictures_come_through_the_application(shared, send, cloud):
    page = send(shared).text
    assert len(cloud.keys()) == 2 + 5
    found = {path for path in addresses(page + shared.get("/analyses/").text) if path.endswith(("png", "jpg"))}
    assert {path.rpartition("/")[2] for path in found} >= {"film.jpg", "thumb.jpg", "heat-covid_normal.png"}
    for path in found:
        answer = shared.get(path)
        assert answer.status_code == 200 and answer.mimetype in ("image/png", "image/jpeg"), path
        assert "no-" in answer.headers["Cache-Control"]
    for path in ("/how?analysis=", "/analyses/"):
        id = re.search(r"/analyses/([\w-]{22})/", page)[1]
        assert shared.get(path + id).status_code == 200
    assert shared.get(f"/analyses/{id}.pdf").data.startswith(b"%PDF")


def test_no_picture_is_for_the_public(shared, send, cloud, s3):
    from urllib.error import HTTPError
    from urllib.request import urlopen

    send(shared)
    for key in cloud.keys():
        grants = cloud.client.get_object_acl(Bucket=cloud.bucket, Key=key)["Grants"]
        assert [each["Grantee"]["Type"] for each in grants] == ["CanonicalUser"], key
        assert cloud.client.head_object(Bucket=cloud.bucket, Key=key)["ContentType"].startswith("image/")
    with pytest.raises(HTTPError, match="403"):
        urlopen(f"http://127.0.0.1:{s3.port}/{cloud.bucket}/{key}")


def test_of_a_radiograph_that_cannot_be_stored_nothing_is_left(shared, send, cloud, monkeypatch):
    calls, put = count(1), Bucket.put

    def fail_at_the_fifth(self, *args, **options):
        if next(calls) == 5:
            raise BucketError("no")
        return put(self, *args, **options)

    monkeypatch.setattr(Bucket, "put", fail_at_the_fifth)
    answer = send(shared)
    assert answer.status_code == 503 and OUT_OF_REACH in answer.text and cloud.keys() == []


def test_a_store_that_falls_silent_gives_a_clear_page_and_loses_nothing(pause, make_shared, send, cloud):
    client = make_shared().test_client()
    page = send(client).text
    id, kept = re.search(r"/analyses/([\w-]{22})/", page)[1], cloud.keys()
    pause(True)
    assert (answer := send(client)).status_code == 503 and OUT_OF_REACH in answer.text
    assert client.post(f"/analyses/{id}/delete").status_code == 503
    assert client.get(f"/analyses/{id}/film.jpg").status_code == 503
    assert client.get("/").status_code == 200 and id in client.get("/analyses/").text, "the list is still shown"
    pause(False)
    assert set(cloud.keys()) >= set(kept), "all that was there still is"
    assert {client.get(f"/analyses/{id}{name}").status_code for name in ("", "/film.jpg", ".pdf")} == {200}
    assert client.post(f"/analyses/{id}/delete").status_code == 303


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (None, "AWS_ACCESS_KEY_ID"),
        ("films", "expected an address such as"),
        ("https://bucket", "expected an address such as"),
        ("s3://", "expected an address such as"),
        ("s3://UPPER", "expected an address such as"),
        ("s3://bucket/../other", "expected an address such as"),
        ("s3://there-is-none", "Received: NoSuchBucket"),
    ],
)
def test_a_store_that_cannot_be_used_stops_the_start_with_one_line(cloud, address, expected, monkeypatch):
    if address is None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SettingError, match=expected) as caught:
        Bucket.open(address or cloud.address)
    assert "\n" not in str(caught.value)


def test_without_s3fs_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(SettingError, match="uv sync --frozen --extra cloud"):
        Bucket.open("s3://bucket")
