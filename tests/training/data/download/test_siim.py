"""SIIM's set: an archive of small radiographs and two tables become one manifest."""

import cv2
import numpy as np
import pytest

from tests.training.data.download.publisher import zipped
from training.data.collection import Collection
from training.data.download.command import fetch, is_there
from training.data.download.published import PublishedSet, Table
from training.data.layouts import collect

STUDIES = """id,Negative for Pneumonia,Typical Appearance,Indeterminate Appearance,Atypical Appearance
s1_study,0,1,0,0
s2_study,1,0,0,0
"""
IMAGES = """id,boxes,label,StudyInstanceUID
a_image,x,opacity 1 100 50 300 150 opacity 1 0 0 40 20,s1
b_image,,none 1 0 0 1 1,s1
c_image,,none 1 0 0 1 1,s2
"""


@pytest.fixture
def known(serve) -> PublishedSet:
    """The set as it is known, its archive and both tables on this machine; one table comes zipped, as Kaggle may."""
    film = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8))[1].tobytes()
    sizes = "image_id,dim0,dim1,split\n" + "".join(f"{name},200,400,train\n" for name in "abc")
    archive = {"meta.csv": sizes.encode(), **{f"train/{name}.jpg": film + name.encode() for name in "abc"}}
    tables = {"train_study_level.csv": STUDIES.encode(), "train_image_level.csv": IMAGES.encode()}
    sent = [zipped({name: tables[name]}) if "image" in name else tables[name] for name in tables]
    publishers = [serve(content) for content in (zipped(archive), *sent)]
    for publisher in publishers:
        publisher.login = ("somebody", "key")
    return PublishedSet(
        name="siim", title="SIIM", page="https://example.org", address=publishers[0].address, archive="siim.zip",
        licence="Kaggle's", archive_mb=1, unpacked_mb=1, holds=("train", "meta.csv"), takes=("train/", "meta.csv"),
        lands="siim", source="siim", kaggle=True, last="manifest.csv",
        tables=tuple(Table(name, each.address) for name, each in zip(tables, publishers[1:], strict=True)),
    )  # fmt: skip


def test_what_is_fetched_is_what_prepare_reads(known, tmp_path):
    folder = fetch(known, tmp_path, token=("somebody", "key"))
    assert is_there(known, tmp_path)
    found = Collection(tmp_path)
    collect(folder, found)
    assert [(row.path, row.label, row.patient_id) for row in found.rows] == [
        ("siim/covid/a.jpg", "covid", "siim-s1"),
        ("siim/normal/c.jpg", "normal", "siim-s2"),
    ], "of a study with opacities, a radiograph without a box is left"
    boxes = (folder / "opacity_boxes.csv").read_text().splitlines()
    assert boxes[1:] == [
        "siim/covid/a.jpg,0.2500,0.2500,0.5000,0.5000", "siim/covid/a.jpg,0.0000,0.0000,0.1000,0.1000",
    ]  # fmt: skip


def test_an_interrupted_run_is_taken_up(known, tmp_path):
    (tmp_path / "siim" / "train").mkdir(parents=True)
    fetch(known, tmp_path, token=("somebody", "key"))
    assert is_there(known, tmp_path)
