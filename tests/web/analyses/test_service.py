"""Where films are read, filed and taken away."""

import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from web.analyses import storage
from web.analyses.folders import LocalFolder, StoreError
from web.analyses.records import Records
from web.analyses.service import DAY_S, AnalysisService
from web.analyses.storage import Copies, Pictures
from xray.analysis import Adjustments, Analyzer

NOW = datetime.now(UTC)


@pytest.fixture
def make_service(tmp_path, make_registry):
    opened = []

    def make(keep_days: int = 30, keep_count: int = 100) -> AnalysisService:
        records = Records.open(f"sqlite:///{tmp_path}/analyses.sqlite3", keep_days=keep_days)
        opened.append(records)
        copies, pictures = (LocalFolder(tmp_path / name) for name in ("copies", "pictures"))
        return AnalysisService(
            Analyzer(make_registry()), Copies(copies), Pictures(pictures), records,
            keep_days=keep_days, keep_count=keep_count,
        )  # fmt: skip

    yield make
    for records in opened:
        records.engine.dispose()


@pytest.fixture
def service(make_service):
    return make_service()


@pytest.fixture
def read(service, film):
    return lambda owner="me", choice="both": service.analyse(film, name="film.png", choice=choice, owner=owner)


def files(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def kept(service: AnalysisService) -> list[Path]:
    return files(service.copies.folder.path, service.pictures.folder.path)


def test_a_film_of_sixteen_bits_is_turned_with_all_its_levels(service):
    deep = np.random.default_rng(0).integers(2000, 6000, (200, 240)).astype(np.uint16)
    deep[:20, :20] = 60
    data = cv2.imencode(".png", deep)[1].tobytes()
    record = service.analyse(data, name="film.png", choice="both", owner="me", adjust=Adjustments(turn=90))
    assert (record.width, record.height, record.turn) == (200, 240, 90)
    packed = cv2.imread(str(service.pictures.folder.path / record.id / storage.DEEP))
    levels = packed[..., 1].astype(int) + packed[..., 2].astype(int) * 256
    assert levels.shape == (384, 320), "small films are shown enlarged"
    assert levels[:20, -20:].mean() < 1000 < levels[:20, :20].mean()


@pytest.mark.parametrize(
    "where",
    ["web.analyses.storage.Copies.save", "web.analyses.storage.Pictures.save", "web.analyses.records.Records.add"],
)
def test_what_cannot_be_kept_leaves_nothing_behind(service, read, monkeypatch, where):
    monkeypatch.setattr(where, Mock(side_effect=StoreError(OSError(28, "No space left on device"))))
    with pytest.raises(StoreError):
        read()
    monkeypatch.undo()
    assert kept(service) == [] and service.records.count("me") == 0


def test_pictures_that_are_still_being_stored_when_a_copy_fails_go_too(service, read, monkeypatch):
    put, failed = service.pictures.folder.put, Event()

    def put_late(folder, name, content, durable=False):
        if durable:
            failed.set()
            raise StoreError(OSError(28, "No space left on device"))
        failed.wait(10)
        put(name, content)

    monkeypatch.setattr(LocalFolder, "put", put_late)
    with ThreadPoolExecutor(1) as server, pytest.raises(StoreError):
        server.submit(read).result()
    assert kept(service) == [] and service.records.of("me") == []


def test_what_goes_wrong_with_old_analyses_does_not_trouble_todays_visitor(service, read, monkeypatch, caplog):
    monkeypatch.setattr(Records, "expired", Mock(side_effect=StoreError(OSError(5, "Input/output error"))))
    with caplog.at_level(logging.WARNING):
        record = read()
    assert service.records.get(record.id, "me") and "Not all expired analyses" in caplog.text


def test_what_cannot_be_taken_away_stays_on_the_list(service, read, monkeypatch):
    record = read()
    monkeypatch.setattr(Pictures, "remove", Mock(side_effect=StoreError(OSError(30, "Read-only file system"))))
    with pytest.raises(StoreError):
        service.remove(record)
    assert service.records.of("me") == [record]


def test_more_than_are_kept_push_out_the_oldest_with_their_pictures(make_service, film):
    service = make_service(keep_count=2)
    records = [service.analyse(film, name=f"{n}.png", choice="covid_normal", owner="me") for n in range(4)]
    assert {record.name for record in service.records.of("me")} == {"2.png", "3.png"}
    assert {path.name for path in files(service.copies.folder.path)} == {name for r in records[2:] for name in r.copies}


def test_older_ones_than_are_kept_go_with_the_next_that_comes(service, read, make_record):
    old = make_record(created=NOW - timedelta(days=31))
    service.records.add(old)
    service.pictures.save(old.id, {"film.jpg": b"film"})
    record = read()
    assert service.records.filed("me").keys() == {record.id}
    assert not (service.pictures.folder.path / old.id).exists()


# ── The sweep at the start ──


def test_a_sweep_spares_what_is_being_filed_and_what_another_database_may_know(service):
    service.pictures.save("A" * 22, {"film.jpg": b"film"})
    folder, now = service.pictures.folder.path, time.time()
    for name in (".young.part", ".old.part"):
        (folder / ("A" * 22) / name).touch()
    service.pictures.save("B" * 22, {"film.jpg": b"film"})
    service.pictures.save("C" * 22, {"film.jpg": b"film"})
    os.utime(folder / ("A" * 22) / ".old.part", (now - 2 * 3600,) * 2)
    os.utime(folder / ("B" * 22) / "film.jpg", (now - 29 * DAY_S,) * 2)
    os.utime(folder / ("C" * 22) / "film.jpg", (now - 32 * DAY_S,) * 2)
    service.sweep()
    assert {entry.name for entry in folder.iterdir()} == {"A" * 22, "B" * 22}
    assert {entry.name for entry in (folder / ("A" * 22)).iterdir()} == {"film.jpg", ".young.part"}


def test_new_cookies_from_one_address_push_out_nobody_else(make_app, send, film):
    app = make_app(KEEP_COUNT=3)

    def visitor(address):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = address
        assert send(client).status_code == 200
        return client

    first, second, *many = [visitor(f"192.0.2.{number}") for number in (1, 2, *[9] * 5)]
    kept = [client.get("/analyses/").text.count("thumb.jpg") for client in (first, second, *many)]
    assert kept == [1, 1, 0, 0, 0, 0, 1]
