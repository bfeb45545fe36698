"""Looking at the pictures before any network does."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from training.data.manifest import Row, read
from training.data.splits import sample
from training.data.thumbnails import Gallery
from training.studies import explore
from training.studies import image_statistics as statistics
from xray.errors import DatasetError

ROW = Row(
    path="0.png", sha256="0", label="covid", finding="COVID-19", source="a", patient_id="p0", group="p0", view="PA",
    sex="F", age_years="30", population="adult", upstream_split="", mask="", licence="", split="train",
    original_filename="0.png", width=64, height=64,
)  # fmt: skip


def hung(pictures, **columns):
    """A gallery of pictures, a patient each, with columns of the manifest; lungs in the middle."""
    rows = [
        replace(ROW, patient_id=f"p{i}", group=f"p{i}", **{name: values[i] for name, values in columns.items()})
        for i in range(len(pictures))
    ]
    inside = np.zeros(pictures.shape, bool)
    inside[:, 20:40, 20:40] = True
    return Gallery(rows, pictures, inside)


def noise(count, seed=0):
    return np.random.default_rng(seed).integers(0, 60, (count, 64, 64), dtype=np.uint8)


def test_counts_are_of_films_and_of_patients_by_columns_and_age_groups():
    rows = [ROW, ROW, replace(ROW, patient_id="p1", age_years="70"), replace(ROW, patient_id="p2", age_years="")]
    assert statistics.counts(rows, "label", "age") == [
        {"label": "covid", "age": "not stated", "films": 1, "patients": 1},
        {"label": "covid", "age": "over 60", "films": 1, "patients": 1},
        {"label": "covid", "age": "up to 40", "films": 2, "patients": 1},
    ]


def test_greys_are_measured_where_they_count_and_every_radiograph_counts_the_same():
    pictures = np.full((3, 64, 64), 200, np.uint8)
    pictures[0, 20:40, 20:40] = 50
    found = hung(pictures)
    found.inside[1, 20:40] = found.inside[2] = False
    found.inside[1, 0, 0] = True
    found_greys = statistics.greys(found.whole, found.inside)
    assert (found_greys[50 // 8], found_greys[200 // 8], found_greys.sum()) == (0.5, 0.5, 1)


def test_components_are_counted_until_they_hold_half_of_the_variance():
    rng = np.random.default_rng(0)
    patterns = np.zeros((3, 64, 64))
    patterns[0, :20], patterns[1, 20:40], patterns[2, 40:60] = 1, 1, 1
    weights = rng.normal(0, (30, 28, 26), (300, 3))
    pictures = np.clip(128 + np.tensordot(weights, patterns, 1), 0, 255).astype(np.uint8)
    found = statistics.components(pictures)
    assert found.for_half == 2 and found.shares[:3].sum() > 0.95
    assert found.places.shape == (300, 60) and found.images.shape == (60, 64, 64)


def test_the_border_tells_what_is_written_there_and_no_more():
    pictures, sources = noise(80), ["ab"[i % 2] for i in range(80)]
    sexes = list(np.random.default_rng(1).choice(["F", "M"], 80))
    for i, source in enumerate(sources):
        pictures[i, :8] += np.uint8(60 * (source == "b"))
    found = hung(pictures, source=sources, sex=sexes)
    told = statistics.told_from_border(found, "source")
    assert told["balanced_accuracy"] > 0.95 and told["chance"] == 0.5 and told["classes"] == ["a", "b"]
    assert statistics.told_from_border(found, "sex")["balanced_accuracy"] < 0.7
    assert statistics.told_from_border(found, "view") is None, "one view alone can be told by nobody"
    # The same films, where the difference lies in the lungs: the border sees nothing of it.
    centre = noise(80)
    for i, source in enumerate(sources):
        centre[i, 24:40, 24:40] += np.uint8(60 * (source == "b"))
    assert statistics.told_from_border(hung(centre, source=sources), "source")["balanced_accuracy"] < 0.7


def test_patients_are_parted_when_the_border_is_asked():
    """Twenty patients with a border of their own and a sex at random: who knows the patient knows the sex."""
    rng = np.random.default_rng(3)
    of, sexes = np.repeat(np.arange(20), 6), rng.permutation(["F"] * 10 + ["M"] * 10)
    pictures = np.repeat(noise(20, 5), 6, axis=0) + rng.integers(0, 4, (120, 64, 64), dtype=np.uint8)
    rows = [replace(ROW, patient_id=f"p{p}", group=f"p{p}", sex=str(sexes[p])) for p in of]
    found = Gallery(rows, pictures, np.ones(pictures.shape, bool))
    assert statistics.told_from_border(found, "sex")["balanced_accuracy"] < 0.75


def test_the_page_gets_figures_and_means_of_groups_that_are_large_enough(collection, tmp_path, monkeypatch, step):
    monkeypatch.setattr("training.cache.FOLDER", tmp_path / "cache")
    monkeypatch.setattr(explore, "LEAST", 13)
    step(explore, "--manifest", collection, "--output", tmp_path / "out")
    figures = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert figures["films"] == sum(row["films"] for row in figures["counts"]["source_label_split"]) == 36
    assert [(each["by"], each["name"], each["films"]) for each in figures["groups"]] == [
        ("source", "a", 18), ("source", "b", 18),
    ], "of each class there are only 12"  # fmt: skip
    for each in figures["groups"]:
        assert sum(each["whole"]) == pytest.approx(1, abs=0.01) and len(each["whole"]) == statistics.BINS
        assert cv2.imread(str(tmp_path / "out" / each["mean"])).shape[:2] == (64, 64)
    for each in figures["components"]:
        assert cv2.imread(str(tmp_path / "out" / each["file"])).shape[:2] == (64, 64 * explore.SHOWN)
    assert {each["of"] for each in figures["told_from_border"]} == {"source", "label"}
    monkeypatch.setattr(explore, "LEAST", 37)
    with pytest.raises(DatasetError, match="Expected at least 37 radiographs to explore. Received: 36."):
        step(explore, "--manifest", collection, "--output", tmp_path / "out")


def test_no_mean_is_made_of_films_whose_licence_forbids_it():
    rows = [ROW, replace(ROW, licence="CC BY-NC-ND 4.0"), replace(ROW, licence="CC BY 4.0")]
    assert [row.licence for row in explore.free(rows)] == ["", "CC BY 4.0"]


def test_a_sample_takes_so_many_of_each_class_and_source_in_every_process_the_same(collection):
    rows = read(collection)
    # Literally, as a set of names has another order in every process.
    assert [row.path for row in sample(rows, 1, 0)] == [f"{i}.png" for i in (17, 18, 19, 28, 32, 33)]
    assert sample(rows, None, 0) == rows
