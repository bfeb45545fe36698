"""The annotated copies on disk."""

import errno
import os
import re
import stat
from pathlib import Path

import pytest

from web.analyses.store import COPY_NAME, Store, StoreError, slug
from xray.networks.heads import Verdict


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("film.png", "film"),
        ("../../x", "x"),
        ("..\\..\\x.png", "x"),
        ("/etc/passwd", "passwd"),
        ("фото.jpg", "picture"),
        ("Zoë.jpg", "Zoe"),
        (".jpg", "picture"),
        ("", "picture"),
        ("...", "picture"),
        ("x.jpg.php", "x_jpg"),
        ("<script>alert(1)</script>.png", "script"),
        ("scan-01 (2).PNG", "scan-01_2"),
        ("a" * 300 + ".jpg", "a" * 40),
        ("nul\x00byte.png", "nul_byte"),
        ("CON", "CON_"),
        ("lpt1.png", "lpt1_"),
        ("console.png", "console"),
    ],
)
def test_a_slug_holds_nothing_but_letters_digits_dash_and_underscore(sent, expected):
    assert slug(sent) == expected


@pytest.mark.parametrize(("score", "hundredths"), [(0.0, "00"), (0.041, "04"), (0.974, "97"), (1.0, "100")])
def test_a_copy_is_named_by_verdict_score_and_name(tmp_path, score, hundredths):
    name = Store(tmp_path).save(b"png", Verdict.NEGATIVE, score, "scan.dcm")
    assert re.fullmatch(rf"NEGATIVE_Prob_{hundredths}_Name_scan_[A-Za-z0-9_-]{{22}}\.png", name)
    assert COPY_NAME.fullmatch(name)
    assert (tmp_path / name).read_bytes() == b"png"


def test_two_copies_of_one_picture_have_different_names(tmp_path):
    store = Store(tmp_path)
    assert len({store.save(b"png", Verdict.POSITIVE, 0.9, "x.png") for _ in range(20)}) == 20


def test_a_missing_folder_is_made_and_the_copy_is_private(tmp_path):
    name = Store(tmp_path / "new" / "folder").save(b"png", Verdict.INCONCLUSIVE, 0.5, "x.png")
    assert stat.S_IMODE((tmp_path / "new" / "folder" / name).stat().st_mode) == 0o600


@pytest.mark.parametrize(("code", "status"), [(errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.EIO, 500)])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_of_a_copy_that_cannot_be_written_nothing_is_left(tmp_path, monkeypatch, code, status, step):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(StoreError) as caught:
        Store(tmp_path).save(b"png", Verdict.POSITIVE, 0.9, "x.png")
    assert caught.value.status == status
    assert list(tmp_path.iterdir()) == []


def test_what_is_logged_of_a_copy_holds_no_name(tmp_path, monkeypatch):
    def fail(*names):
        raise OSError(errno.EIO, os.strerror(errno.EIO), *map(str, names))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(StoreError) as caught:
        Store(tmp_path).save(b"png", Verdict.POSITIVE, 0.9, "Jane_Doe.png")
    assert "Jane" not in str(caught.value) and os.strerror(errno.EIO) in str(caught.value)


def test_a_copy_is_taken_away_once_and_nothing_else_ever(tmp_path):
    store = Store(tmp_path / "copies")
    name = store.save(b"png", Verdict.POSITIVE, 0.9, "x.png")
    (tmp_path / "secret_key").touch()
    for other in ("../secret_key", "", ".", "x.png"):
        store.remove(other)
    assert (tmp_path / "secret_key").exists() and (store.folder / name).exists()
    store.remove(name)
    store.remove(name)
    assert list(store.folder.iterdir()) == []


def test_a_copy_that_cannot_be_taken_away_is_not_passed_over(tmp_path, monkeypatch):
    store = Store(tmp_path)
    name = store.save(b"png", Verdict.POSITIVE, 0.9, "x.png")

    def fail(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(StoreError):
        store.remove(name)


def test_a_sweep_takes_old_copies_and_drafts_and_leaves_the_rest(tmp_path):
    store = Store(tmp_path)
    old, young = (store.save(b"png", Verdict.POSITIVE, 0.9, "x.png") for _ in range(2))
    for name in (".draft.part", ".young.part", ".gitkeep", "README.md"):
        (tmp_path / name).touch()
    for name in (old, ".gitkeep", "README.md"):
        os.utime(tmp_path / name, (1000, 1000))
    os.utime(tmp_path / ".draft.part", (2500, 2500))
    store.sweep(2000, drafts_before=3000)
    assert {path.name for path in tmp_path.iterdir()} == {young, ".young.part", ".gitkeep", "README.md"}
    Store(tmp_path / "nowhere").sweep(2000, drafts_before=3000)
