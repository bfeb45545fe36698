"""A bucket stores images as a local folder does."""

import time

import pytest

from web.analyses.storage import FILM, MASK, THUMB, heat, open_storage
from xray.networks.heads import Verdict

ID, OTHER = "A" * 22, "B" * 22


@pytest.fixture
def stored(cloud, tmp_path):
    return open_storage(cloud.address, tmp_path, tmp_path)


def test_a_copy_is_stored_and_deleted_once(stored):
    copies, _ = stored
    name = copies.save(b"png", Verdict.POSITIVE, 0.9, "Zoë.png")
    assert copies.read(name) == b"png"
    for _ in range(2):
        copies.remove(name)
        assert copies.read(name) is None


def test_images_are_found_by_name_alone(stored):
    _, pictures = stored
    kept = {FILM: b"film", THUMB: b"thumb", heat("covid_normal"): b"heat"}
    pictures.save(ID, kept)
    assert pictures.read(ID, [MASK, *kept, "../x"]) == kept
    assert pictures.has(ID, FILM) and not pictures.has(ID, MASK) and not pictures.has(OTHER, FILM)
    assert ID in pictures.having([ID, OTHER], THUMB)
    for id, name in ((ID, "../film.jpg"), ("..", FILM), ("", FILM)):
        assert not pictures.has(id, name) and pictures.read(id, [name]) == {}


def test_images_are_deleted_and_nobody_elses(stored):
    _, pictures = stored
    for id in (ID, OTHER):
        pictures.save(id, {FILM: b"film", THUMB: b"thumb"})
    for _ in range(2):
        pictures.remove(ID)
    pictures.remove("")
    assert not pictures.has(ID, FILM) and pictures.read(OTHER, [FILM, THUMB]).keys() == {FILM, THUMB}


def test_a_sweep_deletes_what_is_old_and_leaves_what_others_put_there(stored, cloud):
    copies, pictures = stored
    name = copies.save(b"png", Verdict.NEGATIVE, 0.1, "x.png")
    pictures.save(ID, {FILM: b"film"})
    others = ["films/analyses/notes.txt", "films/copies/notes.txt", "films/readme", "other/analyses/x"]
    for key in others:
        cloud.client.put_object(Bucket=cloud.bucket, Key=key, Body=b"x")
    for when in (time.time() - 60, time.time() + 60):
        assert copies.read(name) == b"png" and pictures.has(ID, FILM)
        for each in stored:
            each.sweep(when, drafts_before=when)
    assert cloud.keys() == others
