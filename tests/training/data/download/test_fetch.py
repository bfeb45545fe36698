"""A data set is downloaded, checked and unpacked; what is wrong is removed, what is right is remembered."""

import pytest
from msgspec.structs import replace

from tests.training.data.download.publisher import zipped
from training.data.download.command import fetch
from xray.errors import DatasetError


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    monkeypatch.setattr("training.data.download.resume.time.sleep", lambda _seconds: None)


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


RECORD = "downloads/children.zip.sha256"


def test_what_lands_and_what_stays_and_that_it_is_not_fetched_again(children, tmp_path, capsys):
    publisher, known = children
    fetch(known, tmp_path)
    assert [name for name in tree(tmp_path) if not name.startswith("20_Chest_Xray/")] == [RECORD]
    assert len(tree(tmp_path)) == 5
    assert (tmp_path / RECORD).read_text() == f"{publisher.sha256}  children.zip\n"
    assert "nobody states a sha256" in capsys.readouterr().out
    fetch(known, tmp_path)
    assert len(publisher.seen) == 1


def test_a_file_that_changed_after_the_first_download_is_refused(children, films, tmp_path):
    publisher, known = children
    (fetch(known, tmp_path)).rename(tmp_path / "old")
    publisher.content = zipped(films | {"chest_xray/train/NORMAL/IM-0009-0001.png": b"another"})
    with pytest.raises(DatasetError, match="Received other bytes, and removed them") as refused:
        fetch(known, tmp_path)
    assert "children.zip.sha256 says" in str(refused.value)
    assert [name for name in tree(tmp_path) if not name.startswith("old/")] == [RECORD]


@pytest.mark.parametrize(
    ("day", "says", "problem"),
    [
        ({"corrupt": True}, "the table", "other bytes"),
        ({"corrupt": True}, "the user", "other bytes"),
        ({"corrupt": True}, "nobody", "a damaged one"),
        # codeload.github.com makes archives as it sends them, without a length.
        ({"cut": 5000, "length": False}, "nobody", "a damaged one"),
    ],
)
def test_a_corrupted_download_is_removed_and_the_next_one_taken(children, tmp_path, day, says, problem):
    publisher, known = children
    publisher.days.append(day)
    known = replace(known, sha256={"the table": publisher.sha256, "the user": "0" * 64, "nobody": ""}[says])
    pin = publisher.sha256 if says == "the user" else ""
    with pytest.raises(DatasetError, match=problem):
        fetch(known, tmp_path, pin=pin)
    assert tree(tmp_path) == []
    fetch(known, tmp_path, pin=pin)
    assert (tmp_path / RECORD).read_text().startswith(publisher.sha256)


def test_a_full_disk_is_told_before_anything_is_asked(children, tmp_path, monkeypatch):
    publisher, known = children
    monkeypatch.setattr("training.data.download.unpack.SPARE", 10**18)
    with pytest.raises(DatasetError, match="archive and pictures together"):
        fetch(known, tmp_path)
    assert publisher.seen == []
