"""Folders and buckets store images in the same way."""

import time

import pytest

from web.analyses.storage import COPY_NAME, FILM, MASK, THUMB, heat, open_storage
from xray.networks.heads import Verdict

ID, OTHER = "A" * 22, "B" * 22


@pytest.fixture(params=["folder", "bucket"])
def stored(request, tmp_path):
    address = request.getfixturevalue("cloud").address if request.param == "bucket" else ""
    return open_storage(address, tmp_path / "copies", tmp_path / "analyses")


def test_a_copy_is_stored_and_deleted_once(stored):
    copies, _ = stored
    name = copies.save(b"png", Verdict.POSITIVE, 0.9, "Zoë.png")
    assert COPY_NAME.fullmatch(name) and name.startswith("POSITIVE_Prob_90_Name_Zoe_")
    assert copies.read(name) == b"png"
    for _ in range(2):
        copies.remove(name)
        assert copies.read(name) is None


@pytest.mark.parametrize("name", ["", "../analyses/x", "x.png", "NEGATIVE_Prob_04_Name_x_y.png"])
def test_there_is_no_other_copy(stored, name):
    copies, _ = stored
    assert copies.read(name) is None
    copies.remove(name)


def test_images_are_found_by_name(stored):
    _, pictures = stored
    kept = {FILM: b"film", THUMB: b"thumb", heat("covid_normal"): b"heat"}
    pictures.save(ID, kept)
    assert pictures.read(ID, [MASK, *kept, "../x"]) == kept
    assert pictures.has(ID, FILM) and not pictures.has(ID, MASK) and not pictures.has(OTHER, FILM)
    assert ID in pictures.having([ID, OTHER], THUMB)


@pytest.mark.parametrize(("id", "name"), [(ID, "secret.txt"), (ID, "../film.jpg"), ("..", FILM), ("", FILM)])
def test_nothing_else_is_found(stored, id, name):
    _, pictures = stored
    pictures.save(ID, {FILM: b"film"})
    assert not pictures.has(id, name) and pictures.read(id, [name]) == {}


def test_images_are_deleted_and_nobody_elses(stored):
    _, pictures = stored
    for id in (ID, OTHER):
        pictures.save(id, {FILM: b"film", THUMB: b"thumb"})
    for _ in range(2):
        pictures.remove(ID)
    pictures.remove("")
    assert not pictures.has(ID, FILM) and pictures.read(OTHER, [FILM, THUMB]).keys() == {FILM, THUMB}


def test_a_sweep_deletes_what_is_old(stored):
    copies, pictures = stored
    name = copies.save(b"png", Verdict.NEGATIVE, 0.1, "x.png")
    pictures.save(ID, {FILM: b"film"})
    for when in (time.time() - 60, time.time() + 60):
        assert copies.read(name) == b"png" and pictures.has(ID, FILM)
        for each in stored:
            each.sweep(when, drafts_before=when)
    assert copies.read(name) is None and not pictures.has(ID, FILM)


def test_a_sweep_of_a_bucket_leaves_what_others_put_there(cloud, tmp_path):
    stored = open_storage(cloud.address, tmp_path, tmp_path)
    stored[1].save(ID, {FILM: b"film"})
    for key in ("films/copies/notes.txt", "films/analyses/notes.txt", "other/analyses/x", "films/readme"):
        cloud.client.put_object(Bucket=cloud.bucket, Key=key, Body=b"x")
    before = cloud.keys()
    for each in stored:
        each.sweep(time.time() + 60, drafts_before=0)
    assert set(before) - set(cloud.keys()) == {f"films/analyses/{ID}/film.jpg"}
