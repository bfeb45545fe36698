"""A bucket stores images as local folders do."""

import time

import pytest

from web.analyses.storage import FILM, MASK, THUMB, heat, open_storage
from xray.networks.heads import Verdict

ID, OTHER = "A" * 22, "B" * 22


@pytest.fixture(params=["folders", "bucket"])
def stored(request, tmp_path):
    store = request.getfixturevalue("cloud").address if request.param == "bucket" else ""
    return open_storage(store, tmp_path / "copies", tmp_path / "analyses")


def test_a_copy_is_stored_and_deleted_once_and_nothing_else_is(stored, tmp_path):
    copies, _ = stored
    name = copies.save(b"png", Verdict.POSITIVE, 0.9, "Zoë.png")
    (tmp_path / "secret_key").touch()
    for other in ("../secret_key", "", ".", "x.png"):
        copies.remove(other)
        assert copies.read(other) is None
    assert copies.read(name) == b"png" and (tmp_path / "secret_key").exists()
    for _ in range(2):
        copies.remove(name)
        assert copies.read(name) is None


def test_images_are_found_by_name_alone(stored):
    _, pictures = stored
    kept = {FILM: b"film", THUMB: b"thumb", heat("covid_normal"): b"heat"}
    pictures.save(ID, kept)
    assert pictures.read(ID, [MASK, *kept, "../x"]) == kept
    assert pictures.has(ID, FILM) and ID in pictures.having([ID, OTHER], THUMB)
    for id, name in (
        (ID, MASK), (ID, "secret.txt"), (ID, f"../{ID}/film.jpg"), (ID, "film.jpg\n"), (ID, "film.jpg\x00"),
        ("..", FILM), ("", FILM), (OTHER, FILM), (f"../{ID}", FILM),
    ):  # fmt: skip
        assert not pictures.has(id, name) and pictures.read(id, [name]) == {}, (id, name)


def test_images_are_deleted_and_nobody_elses(stored):
    _, pictures = stored
    for id in (ID, OTHER):
        pictures.save(id, {FILM: b"film", THUMB: b"thumb"})
    for id in (ID, ID, "", ".", "..", "../.."):
        pictures.remove(id)
    assert not pictures.has(ID, FILM) and pictures.read(OTHER, [FILM, THUMB]).keys() == {FILM, THUMB}


def test_a_sweep_of_a_bucket_deletes_what_is_old_and_leaves_what_others_put_there(cloud, tmp_path):
    copies, pictures = stored = open_storage(cloud.address, tmp_path, tmp_path)
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
