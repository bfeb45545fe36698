"""Folders and buckets keep pictures in the same way."""

import time
from pathlib import Path

import pytest

from web.analyses.bucket import Bucket
from web.analyses.pictures import FILM, MASK, THUMB, Pictures, heat
from web.analyses.shared import SharedPictures, SharedStore
from web.analyses.store import COPY_NAME, Store
from xray.networks.heads import Verdict

ID, OTHER = "A" * 22, "B" * 22


@pytest.fixture(params=["folders", "bucket"])
def homes(request, tmp_path):
    if request.param == "folders":
        return Store(tmp_path / "copies"), Pictures(tmp_path / "analyses")
    bucket = Bucket.of(request.getfixturevalue("cloud").address)
    return SharedStore(bucket), SharedPictures(bucket)


def content(opened) -> bytes | None:
    return opened.read_bytes() if isinstance(opened, Path) else opened and opened.read()


def test_a_copy_is_kept_and_taken_away_once(homes):
    store, _ = homes
    name = store.save(b"png", Verdict.POSITIVE, 0.9, "Zoë.png")
    assert COPY_NAME.fullmatch(name) and name.startswith("POSITIVE_Prob_90_Name_Zoe_")
    assert store.read(name) == content(store.open(name)) == b"png"
    for _ in range(2):
        store.remove(name)
        assert store.read(name) is None and store.open(name) is None


@pytest.mark.parametrize("name", ["", "../analyses/x", "x.png", "NEGATIVE_Prob_04_Name_x_y.png"])
def test_there_is_no_other_copy(homes, name):
    store, _ = homes
    assert store.read(name) is None and store.open(name) is None
    store.remove(name)


def test_pictures_are_found_by_name(homes):
    _, pictures = homes
    kept = {FILM: b"film", THUMB: b"thumb", heat("covid_normal"): b"heat"}
    pictures.save(ID, kept)
    assert {name: content(pictures.open(ID, name)) for name in kept} == kept
    assert pictures.read(ID, [MASK, *kept, "../x"]) == kept
    assert pictures.has(ID, FILM) and not pictures.has(ID, MASK) and not pictures.has(OTHER, FILM)
    assert ID in pictures.having([ID, OTHER], THUMB)


@pytest.mark.parametrize(("id", "name"), [(ID, "secret.txt"), (ID, "../film.jpg"), ("..", FILM), ("", FILM)])
def test_nothing_else_is_found(homes, id, name):
    _, pictures = homes
    pictures.save(ID, {FILM: b"film"})
    assert pictures.open(id, name) is None and not pictures.has(id, name) and pictures.read(id, [name]) == {}


def test_pictures_are_taken_away_and_nobody_elses(homes):
    _, pictures = homes
    for id in (ID, OTHER):
        pictures.save(id, {FILM: b"film", THUMB: b"thumb"})
    for _ in range(2):
        pictures.remove(ID)
    pictures.remove("")
    assert not pictures.has(ID, FILM) and pictures.read(OTHER, [FILM, THUMB]).keys() == {FILM, THUMB}


def test_a_sweep_takes_what_is_old_and_leaves_what_is_not_ours(homes, request):
    store, pictures = homes
    name = store.save(b"png", Verdict.NEGATIVE, 0.1, "x.png")
    pictures.save(ID, {FILM: b"film"})
    for when in (time.time() - 60, time.time() + 60):
        assert store.read(name) == b"png" and pictures.has(ID, FILM)
        for home in homes:
            home.sweep(when, drafts_before=when)
    assert store.read(name) is None and not pictures.has(ID, FILM)


def test_a_sweep_of_a_bucket_leaves_what_others_put_there(cloud):
    bucket = Bucket.of(cloud.address)
    SharedPictures(bucket).save(ID, {FILM: b"film"})
    for key in ("films/copies/notes.txt", "films/analyses/notes.txt", "other/analyses/x", "films/readme"):
        cloud.client.put_object(Bucket=cloud.bucket, Key=key, Body=b"x")
    before = cloud.keys()
    for home in (SharedStore(bucket), SharedPictures(bucket)):
        home.sweep(time.time() + 60, drafts_before=0)
    assert set(before) - set(cloud.keys()) == {f"films/analyses/{ID}/film.jpg"}


def test_what_was_done_is_remembered(homes):
    _, pictures = homes
    assert not pictures.marked_before(".swept", time.time() + 60), "what was never done is not due"
    pictures.mark(".swept")
    assert pictures.marked_before(".swept", time.time() + 60)
    assert not pictures.marked_before(".swept", time.time() - 60)
