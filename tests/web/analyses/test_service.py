"""Where films are read, filed and taken away."""

import logging
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from web.analyses import storage
from web.analyses.database import DatabaseError
from web.analyses.folders import LocalFolder, StoreError
from web.analyses.records import Records
from web.analyses.service import DAY_S, Desk
from web.analyses.storage import Copies, Pictures
from xray.analysis import Analyzer
from xray.errors import ImageError

NOW = datetime.now(UTC)


@pytest.fixture
def make_desk(tmp_path, make_registry):
    opened = []

    def make(keep_days: int = 30, keep_count: int = 100) -> Desk:
        records = Records.open(f"sqlite:///{tmp_path}/analyses.sqlite3", keep_days=keep_days)
        opened.append(records)
        copies, pictures = (LocalFolder(tmp_path / name) for name in ("copies", "pictures"))
        return Desk(
            Analyzer(make_registry()), Copies(copies), Pictures(pictures), records,
            keep_days=keep_days, keep_count=keep_count,
        )  # fmt: skip

    yield make
    for records in opened:
        records.engine.dispose()


@pytest.fixture
def desk(make_desk):
    return make_desk()


@pytest.fixture
def read(desk, film):
    return lambda owner="me", choice="both": desk.read(film, name="film.png", choice=choice, owner=owner)


def files(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def kept(desk: Desk) -> list[Path]:
    return files(desk.copies.folder.path, desk.pictures.folder.path)


def test_a_film_of_sixteen_bits_is_turned_with_all_its_levels(desk):
    deep = np.full((200, 240), 4000, np.uint16)
    deep[:20, :20] = 60
    data = cv2.imencode(".png", deep)[1].tobytes()
    record = desk.read(data, name="film.png", choice="both", owner="me", turn=90)
    assert (record.width, record.height, record.turn) == (200, 240, 90)
    packed = cv2.imread(str(desk.pictures.folder.path / record.id / storage.DEEP))
    levels = packed[..., 1].astype(int) + packed[..., 2].astype(int) * 256
    assert levels.shape == (384, 320), "small films are shown enlarged"
    assert levels[:20, -20:].mean() < 1000 < levels[:20, :20].mean()


def test_what_was_read_is_kept_with_its_pictures(desk, read):
    record = read()
    assert desk.records.get(record.id, "me") == record
    assert record.verdict == "NEGATIVE" and [result.verdict for result in record.results] == ["POSITIVE", "NEGATIVE"]
    assert {path.name for path in kept(desk)} == {
        *record.copies, "film.jpg", "thumb.jpg", "mask.png", "heat-covid_normal.png", "heat-covid_pneumo.png",
    }  # fmt: skip


def test_of_a_file_that_cannot_be_analysed_nothing_is_kept(desk):
    with pytest.raises(ImageError):
        desk.read(b"no picture", name="x.png", choice="both", owner="me")
    assert kept(desk) == [] and desk.records.count("me") == 0


@pytest.mark.parametrize(
    "where",
    ["web.analyses.storage.Copies.save", "web.analyses.storage.Pictures.save", "web.analyses.records.Records.add"],
)
def test_what_cannot_be_kept_leaves_nothing_behind(desk, read, monkeypatch, where):
    def fail(*_, **__):
        raise StoreError(OSError(28, "No space left on device"))

    monkeypatch.setattr(where, fail)
    with pytest.raises(StoreError):
        read()
    monkeypatch.undo()
    assert kept(desk) == [] and desk.records.count("me") == 0


def test_the_second_copy_that_cannot_be_written_takes_the_first_with_it(desk, read, monkeypatch):
    save, calls = Copies.save, []

    def fail_at_the_second(self, *args):
        calls.append(args)
        if len(calls) == 2:
            raise StoreError(OSError(28, "No space left on device"))
        return save(self, *args)

    monkeypatch.setattr(Copies, "save", fail_at_the_second)
    with pytest.raises(StoreError):
        read()
    assert len(calls) == 2 and kept(desk) == []


def test_what_goes_wrong_with_old_analyses_does_not_trouble_todays_visitor(desk, read, monkeypatch, caplog):
    def fail(*_, **__):
        raise StoreError(OSError(5, "Input/output error"))

    monkeypatch.setattr(Records, "expired", fail)
    with caplog.at_level(logging.WARNING):
        record = read()
    assert desk.records.get(record.id, "me") and "Not all expired analyses" in caplog.text


def test_an_analysis_is_taken_away_with_all_its_pictures(desk, read):
    first, second = read(), read()
    desk.remove(first)
    assert desk.records.of("me") == [second]
    assert not [path for path in kept(desk) if first.id in str(path) or path.name in first.copies]
    assert len(kept(desk)) == 7
    desk.remove(first)


def test_what_cannot_be_taken_away_stays_on_the_list(desk, read, monkeypatch):
    record = read()

    def fail(*_):
        raise StoreError(OSError(30, "Read-only file system"))

    monkeypatch.setattr(Pictures, "remove", fail)
    with pytest.raises(StoreError):
        desk.remove(record)
    assert desk.records.of("me") == [record]


def test_while_the_list_is_locked_no_picture_is_taken_away(make_desk, film, monkeypatch, tmp_path):
    monkeypatch.setattr("web.analyses.database.BUSY_S", 0.1)
    desk = make_desk()
    record = desk.read(film, name="film.png", choice="both", owner="me")
    with closing(sqlite3.connect(tmp_path / "analyses.sqlite3", isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(DatabaseError):
            desk.remove(record)
    assert len(kept(desk)) == 7


def test_all_of_an_owners_are_taken_away_and_nobody_elses(desk, read, monkeypatch):
    monkeypatch.setattr("web.analyses.service.REMOVED_AT_ONCE", 2)
    for _ in range(5):
        read(choice="covid_normal")
    other = read("you", choice="covid_normal")
    assert desk.remove_all("me") == 5
    assert desk.records.count("me") == 0 and desk.records.of("you") == [other]
    assert len(kept(desk)) == 5
    assert desk.remove_all("me") == 0


def test_more_than_are_kept_push_out_the_oldest_with_their_pictures(make_desk, film):
    desk = make_desk(keep_count=2)
    records = [desk.read(film, name=f"{n}.png", choice="covid_normal", owner="me") for n in range(4)]
    assert {record.name for record in desk.records.of("me")} == {"2.png", "3.png"}
    assert {path.name for path in files(desk.copies.folder.path)} == {name for r in records[2:] for name in r.copies}


def test_older_ones_than_are_kept_go_with_the_next_that_comes(desk, read, make_record):
    old = make_record(created=NOW - timedelta(days=31))
    desk.records.add(old)
    desk.pictures.save(old.id, {"film.jpg": b"film"})
    record = read()
    assert desk.records.filed("me").keys() == {record.id}
    assert not (desk.pictures.folder.path / old.id).exists()


def test_one_that_cannot_be_read_any_more_goes_too(desk, read, make_record):
    old = make_record(created=NOW - timedelta(days=31))
    desk.records.add(old)
    with desk.records.engine.begin() as connection:
        connection.exec_driver_sql("update analyses set content = 'damaged'")
    record = read()
    assert desk.records.filed("me").keys() == {record.id}


def test_a_clock_that_was_set_back_does_not_cost_the_newest_its_place(make_desk, film, make_record):
    desk = make_desk(keep_count=1)
    desk.records.add(make_record(owner="me", created=NOW + timedelta(days=5)))
    record = desk.read(film, name="film.png", choice="covid_normal", owner="me")
    assert desk.records.filed("me").keys() == {record.id}


def test_on_a_slow_disk_a_visitor_pays_for_few_old_ones_and_all_go_in_the_end(desk, read, make_record, monkeypatch):
    remove = Pictures.remove
    monkeypatch.setattr(Pictures, "remove", lambda *args: (time.sleep(0.1), remove(*args)))
    monkeypatch.setattr("web.analyses.service.PRUNE_S", 0.25)
    for number in range(12):
        desk.records.add(make_record(created=NOW - timedelta(days=31, seconds=number)))
    left = []
    while not left or left[-1] > 1:
        record = read(owner="somebody else")
        left.append(len(desk.records.filed("me")) + 1)
    gone = -np.diff([13, *left])
    assert (gone >= 1).all() and (gone <= 4).all(), "a few with each film, and never none"
    assert record.id in desk.records.filed("somebody else")


# ── The sweep at the start ──


def test_a_sweep_takes_all_that_is_too_old_at_once(make_desk, make_record):
    desk = make_desk()
    for number in range(50):
        desk.records.add(make_record(created=NOW - timedelta(days=31, seconds=number)))
    young = make_record(created=NOW - timedelta(days=29))
    desk.records.add(young)
    make_desk().sweep()
    assert desk.records.filed("me").keys() == {young.id}


def test_a_sweep_spares_what_is_being_filed_and_what_another_database_may_know(desk):
    desk.pictures.save("A" * 22, {"film.jpg": b"film"})
    folder, now = desk.pictures.folder.path, time.time()
    for name in (".young.part", ".old.part"):
        (folder / ("A" * 22) / name).touch()
    desk.pictures.save("B" * 22, {"film.jpg": b"film"})
    desk.pictures.save("C" * 22, {"film.jpg": b"film"})
    os.utime(folder / ("A" * 22) / ".old.part", (now - 2 * 3600,) * 2)
    os.utime(folder / ("B" * 22) / "film.jpg", (now - 29 * DAY_S,) * 2)
    os.utime(folder / ("C" * 22) / "film.jpg", (now - 32 * DAY_S,) * 2)
    desk.sweep()
    assert {entry.name for entry in folder.iterdir()} == {"A" * 22, "B" * 22}
    assert {entry.name for entry in (folder / ("A" * 22)).iterdir()} == {"film.jpg", ".young.part"}


def test_what_killed_processes_left_goes_once_a_day_without_a_new_start(desk, read):
    desk.sweep()
    left = desk.copies.folder.path / ".killed.part"
    left.parent.mkdir(exist_ok=True)
    left.touch()
    os.utime(left, (1000, 1000))
    read()
    assert left.exists()
    desk.swept_at = time.time() - DAY_S - 1
    read()
    assert not left.exists()


def test_a_sweep_that_fails_stops_no_start(desk, monkeypatch, caplog):
    def fail(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Pictures, "sweep", fail)
    with caplog.at_level(logging.WARNING):
        desk.sweep()
    assert "could not be deleted" in caplog.text


def test_two_workers_with_four_threads_file_and_prune_at_once(make_desk, film):
    desks = [make_desk(keep_count=5), make_desk(keep_count=5)]

    def work(number: int) -> None:
        desk = desks[number % 2]
        record = desk.read(film, name=f"{number}.png", choice="covid_normal", owner=f"owner {number % 3}")
        if number % 4 == 0:
            desk.remove(record)
        desk.prune(datetime.now(UTC))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(32)))
    left = [record for number in range(3) for record in desks[0].records.of(f"owner {number}")]
    assert 1 <= len(left) <= 5
    assert {path.name for path in desks[0].pictures.folder.path.iterdir()} == {record.id for record in left}
    assert {path.name for path in files(desks[0].copies.folder.path)} == {
        name for record in left for name in record.copies
    }
