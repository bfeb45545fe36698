"""Files by address: atomic writes on a disk."""

import os

import pytest

from xray.io import storage


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_aside(tmp_path, monkeypatch):
    storage.write(str(tmp_path / "part"), b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        storage.write(str(tmp_path / "part"), b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("part", b"old")]
