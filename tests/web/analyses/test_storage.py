"""Storage of analysis images on local disk: names, atomic writes, errors and the sweep of old files."""

import errno
import os
import re
import stat
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

from web.analyses.folders import LocalFolder, StoreError
from web.analyses.storage import COPY_NAME, Copies, Pictures, slug
from xray.networks.heads import Verdict

ID, OTHER = "A" * 21 + "-", "B" * 22
NOW = time.time()


@pytest.fixture
def copies(tmp_path):
    return Copies(LocalFolder(tmp_path / "copies"))


def files(storage: Copies | Pictures) -> set[str]:
    return {name for name, _ in storage.folder.files()}


def save(copies: Copies, name: str = "x.png", score: float = 0.9) -> str:
    return copies.save(b"png", Verdict.POSITIVE, score, name)


def aged(path: Path, seconds: float) -> None:
    os.utime(path, (NOW - seconds, NOW - seconds))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("..\\..\\x.png", "x"),
        ("фото.jpg", "picture"),
        ("", "picture"),
        ("<script>alert(1)</script>.png", "script"),
        ("a" * 300 + ".jpg", "a" * 40),
        ("nul\x00byte.png", "nul_byte"),
        ("CON", "CON_"),
    ],
)
def test_a_slug_holds_nothing_but_letters_digits_dash_and_underscore(sent, expected):
    assert slug(sent) == expected


@pytest.mark.parametrize(("score", "hundredths"), [(0.0, "00"), (0.041, "04"), (0.974, "97"), (1.0, "100")])
def test_a_copy_is_private_and_named_by_verdict_score_and_name(copies, score, hundredths):
    name = copies.save(b"png", Verdict.NEGATIVE, score, "scan.dcm")
    assert re.fullmatch(rf"NEGATIVE_Prob_{hundredths}_Name_scan_[A-Za-z0-9_-]{{22}}\.jpg", name)
    assert COPY_NAME.fullmatch(name)
    assert (copies.folder.path / name).read_bytes() == b"png"
    assert stat.S_IMODE((copies.folder.path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize(("code", "status"), [(errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.EIO, 500)])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_of_a_copy_that_cannot_be_written_nothing_is_left_and_no_name_is_logged(
    copies, monkeypatch, code, status, step
):
    monkeypatch.setattr(os, step, Mock(side_effect=OSError(code, os.strerror(code), "/copies/Jane_Doe.png")))
    with pytest.raises(StoreError) as caught:
        save(copies, "Jane_Doe.png")
    assert caught.value.status == status and files(copies) == set()
    assert "Jane" not in str(caught.value) and os.strerror(code) in str(caught.value)


def test_a_sweep_deletes_old_copies_and_drafts_and_leaves_the_rest(copies):
    old, new = save(copies), save(copies)
    png = f"{old.removesuffix('jpg')}png"  # as copies were before
    (copies.folder.path / png).touch()
    for name in (".old.part", ".new.part", ".gitkeep", "README.md"):
        (copies.folder.path / name).touch()
    for name in (old, png, ".old.part", ".gitkeep", "README.md"):
        aged(copies.folder.path / name, 7200)
    copies.sweep(NOW - 7000, drafts_before=NOW - 3600)
    assert files(copies) == {new, ".new.part", ".gitkeep", "README.md"}
