"""What a batch leaves to download: its table, copies, masks and heat maps."""

import io
import tracemalloc
import zipfile

import cv2
import numpy as np

from tests.web.batch.answers import DISCLAIMER, fetched, inside, lines, picture
from web.batch import downloads


def test_annotated_copies_keep_their_words_but_not_their_address(client, batch_of, film, copies):
    found = inside(fetched(client, batch_of(client, ("a.png", film), ("a.png", film)), "copies"))
    names = [name for name in found if "_Prob_" in name]
    assert names == [
        "covid_normal/POSITIVE_Prob_97_Name_a.jpg", "covid_pneumo/NEGATIVE_Prob_12_Name_a.jpg",
        "covid_normal/POSITIVE_Prob_97_Name_a-2.jpg", "covid_pneumo/NEGATIVE_Prob_12_Name_a-2.jpg",
    ]  # fmt: skip
    assert {found[name] for name in names} == {path.read_bytes() for path in copies.iterdir()}


def test_masks_are_as_large_as_the_pictures(client, batch_of, make_film):
    found = inside(fetched(client, batch_of(client, ("a.png", make_film(1300, 1500))), "masks"))
    mask = picture(found["a.png"])
    assert mask.shape == (1300, 1500) and set(np.unique(mask)) == {0, 255}
    assert 0.2 < mask.mean() / 255 < 0.35


def test_masked_pictures_are_black_beside_the_lungs(client, batch_of, film):
    rows = batch_of(client, ("a.png", film))
    masked = picture(inside(fetched(client, rows, "masked"))["a.png"])
    mask = picture(inside(fetched(client, rows, "masks"))["a.png"])
    mask = cv2.resize(mask, masked.shape[::-1], interpolation=cv2.INTER_AREA)
    assert (masked[mask < 100] == 0).all()
    # The film's lungs are a third of 170.
    assert abs(float(masked[mask == 255].mean()) - 62) < 6


def test_heat_maps_are_coloured_and_say_what_they_are_not(client, batch_of, film):
    found = inside(fetched(client, batch_of(client, ("a.png", film)), "heat"))
    overlay = picture(found["covid_normal/POSITIVE_a.jpg"])
    film_height = round(overlay.shape[1] * 200 / 240)
    colour = np.ptp(overlay[:film_height].astype(int), axis=2)
    assert colour.max() > 60 and colour[:20, :20].max() < 10, "colour where there is heat only"
    assert overlay.shape[0] > film_height + 20 and overlay[film_height:].max() > 200, "a legend below"
    assert "covid_pneumo/NEGATIVE_a.jpg" in found


def test_every_zip_says_what_it_holds_and_is_not(client, batch_of, film):
    rows = batch_of(client, ("a.png", film))
    for what in ("copies", "masks", "masked", "heat"):
        found = inside(fetched(client, rows, what))
        assert DISCLAIMER in found["README.txt"].decode()
        assert lines(found["table.csv"])[0]["name_in_zip"] == "a"


def test_anybody_elses_analyses_are_not_there(make_app, batch_of, film):
    app = make_app()
    rows = batch_of(app.test_client(), ("a.png", film))
    stranger = app.test_client()
    (line,) = lines(fetched(stranger, rows, "csv"))
    assert line["file"] == "a.png" and line["verdict"] == "" and "no longer exists" in line["error"]
    answer = stranger.post("/batch/download", data={"rows": rows, "what": "masks", "function": "mask", "model": "both"})
    assert "nothing to download" in answer.text


def test_an_archive_is_whole_and_can_be_read_without_going_back() -> None:
    files = [("README.txt", "слова".encode()), ("a/b.png", bytes(1000)), ("empty", b"")]
    with zipfile.ZipFile(io.BytesIO(b"".join(downloads.write(files)))) as archive:
        assert archive.testzip() is None
        assert [(name, archive.read(name)) for name in archive.namelist()] == files
        # What reads a stream finds the end of a packed file, but not that of a stored one.
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}


def test_memory_stays_flat_however_many_pictures_there_are() -> None:
    noise = np.random.default_rng(0).bytes(2**20)
    sent = 0
    tracemalloc.start()
    try:
        for piece in downloads.write((f"{number}.png", noise) for number in range(40)):
            sent += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sent > 40 * 2**20
    assert peak < 6 * 2**20
