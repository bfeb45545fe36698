"""The pictures of an analysis, for its owner alone."""

import errno
import os
import shutil
import stat
import time
from pathlib import Path

import pytest

from web.analyses.pictures import FILM, MASK, THUMB, Pictures, heat
from web.analyses.store import StoreError

ID = "AAAAAAAAAAAAAAAAAAAAA-"
NOW = time.time()


@pytest.fixture
def pictures(tmp_path):
    return Pictures(tmp_path / "new" / "folder")


def names(pictures: Pictures) -> list[str]:
    return sorted(entry.name for entry in pictures.folder.iterdir())


def aged(path: Path, seconds: float) -> None:
    os.utime(path, (NOW - seconds, NOW - seconds))


def test_what_was_kept_is_found_by_name_and_is_private(pictures):
    kept = {FILM: b"film", THUMB: b"thumb", MASK: b"mask", heat("covid_normal"): b"heat"}
    pictures.save(ID, kept)
    assert {name: pictures.path(ID, name).read_bytes() for name in kept} == kept
    assert stat.S_IMODE((pictures.folder / ID).stat().st_mode) == 0o700
    assert names(pictures) == [ID], "no draft is left"


def test_of_several_only_those_that_are_there_are_read(pictures):
    pictures.save(ID, {FILM: b"film"})
    assert pictures.read(ID, (FILM, heat("covid_normal"), "../x")) == {FILM: b"film"}
    assert pictures.read("B" * 22, (FILM,)) == {}


@pytest.mark.parametrize(
    ("id", "name"),
    [
        (ID, "thumb.jpg"),
        (ID, "secret.txt"),
        (ID, "../" + ID + "/film.jpg"),
        (ID, "film.jpg\n"),
        (ID, "film.jpg\x00"),
        ("..", "film.jpg"),
        ("", "film.jpg"),
        (".", "film.jpg"),
        ("B" * 22, "film.jpg"),
        ("../" + ID, "film.jpg"),
    ],
)
def test_nothing_else_is_found(pictures, id, name):
    pictures.save(ID, {FILM: b"film"})
    (pictures.folder / ID / "secret.txt").touch()
    assert pictures.path(id, name) is None


@pytest.mark.parametrize(("code", "status"), [(errno.ENOSPC, 507), (errno.EROFS, 500)])
@pytest.mark.parametrize("step", ["write_bytes", "rename"])
def test_of_pictures_that_cannot_be_written_nothing_is_left(pictures, monkeypatch, code, status, step):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, step, fail)
    with pytest.raises(StoreError) as caught:
        pictures.save(ID, {FILM: b"film"})
    assert caught.value.status == status
    assert names(pictures) == []


def test_pictures_are_taken_away_once_and_for_all(pictures):
    pictures.save(ID, {FILM: b"film"})
    pictures.save("B" * 22, {FILM: b"film"})
    pictures.remove(ID)
    pictures.remove(ID)
    assert names(pictures) == ["B" * 22]


@pytest.mark.parametrize("id", ["", ".", "..", "../.."])
def test_nothing_but_an_analysis_is_taken_away(pictures, id):
    pictures.save(ID, {FILM: b"film"})
    pictures.remove(id)
    assert pictures.path(ID, FILM)


def test_pictures_that_cannot_be_taken_away_are_not_passed_over(pictures, monkeypatch):
    pictures.save(ID, {FILM: b"film"})
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    with pytest.raises(StoreError):
        pictures.remove(ID)


def test_a_sweep_takes_the_old_and_what_killed_processes_left_and_nothing_that_is_not_ours(pictures):
    for id in ("A" * 22, "B" * 22):
        pictures.save(id, {FILM: b"film"})
    for name in (".draft-old", ".draft-new", "lost+found", "notes.txt"):
        (pictures.folder / name).mkdir()
    for name in ("B" * 22, ".draft-old", "lost+found", "notes.txt"):
        aged(pictures.folder / name, 7200)
    pictures.sweep(NOW - 7000, drafts_before=NOW - 3600)
    assert names(pictures) == sorted([".draft-new", "A" * 22, "lost+found", "notes.txt"])


def test_two_workers_may_sweep_at_once(pictures, monkeypatch):
    pictures.save(ID, {FILM: b"film"})
    aged(pictures.folder / ID, 7200)
    monkeypatch.setattr("web.analyses.pictures.entries", lambda folder: [folder / ("C" * 22), folder / ID])
    pictures.sweep(NOW - 3600, drafts_before=NOW)
    assert names(pictures) == []


def test_where_there_is_no_folder_there_is_nothing_to_sweep(pictures):
    pictures.sweep(NOW, drafts_before=NOW)
    assert not pictures.folder.exists()
