"""Looking at the pictures before any network does."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.training.conftest import row
from training.data.thumbnails import Gallery
from training.studies import explore
from training.studies import image_statistics as statistics
from xray.errors import DatasetError

ROW = row(0, label="covid", source="a", sex="F", age_years="30", population="adult")


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
