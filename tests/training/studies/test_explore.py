"""Looking at the pictures before any network does."""

import json
from dataclasses import replace

import numpy as np
import pytest

from training.data.manifest import Row, read
from training.data.splits import sample
from training.data.thumbnails import Gallery
from training.studies import explore
from training.studies import image_statistics as statistics

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


def test_greys_are_measured_whole_and_inside_the_lungs():
    pictures = np.full((2, 64, 64), 200, np.uint8)
    pictures[:, 20:40, 20:40] = 50
    pictures[:, 30:40, 20:40] = 100
    found = hung(pictures)
    found.inside[1] = False
    whole, lungs = statistics.brightness(found, masked=False), statistics.brightness(found, masked=True)
    assert whole.mean[0] == pytest.approx(pictures[0].mean()) and whole.deviation[0] == pytest.approx(pictures[0].std())
    assert (lungs.mean[0], lungs.deviation[0]) == (75, 25)
    assert np.isnan(lungs.mean[1])


def test_exposure_is_no_difference_where_it_is_standardised_out():
    pattern = np.random.default_rng(0).integers(0, 60, (64, 64))
    pictures = np.stack([pattern + 3 * i for i in range(40)]).astype(np.uint8)
    pictures[::2, :32] += 20
    plain, standardised = statistics.components(pictures), statistics.components(pictures, standardised=True)
    assert plain.shares[0] < 0.99 < standardised.shares[0]


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


def test_the_report_is_one_page_with_its_pictures_and_a_twin_for_machines(collection, tmp_path, monkeypatch, step):
    monkeypatch.setattr("training.cache.FOLDER", tmp_path / "cache")
    step(explore, "--manifest", collection, "--output", tmp_path / "out")
    found = json.loads((tmp_path / "out" / "report.json").read_text())
    assert found["films"] == 36 and sum(row["films"] for row in found["counts"]["label and source"]) == 36
    assert {each["of"] for each in found["told_from_border"]} == {"source", "label"}
    page = (tmp_path / "out" / "report.html").read_text()
    for words in ("What the border tells", "Principal components", "Near-copies", "covid, random films"):
        assert words in page
    assert page.count('src="data:image/png;base64,') >= 12 and "<script" not in page
    # A second look reads the cache: the films may be gone.
    for row in read(collection):
        (tmp_path / row.path).unlink()
    step(explore, "--manifest", collection, "--output", tmp_path / "out")


def test_rare_rows_are_counted_but_left_to_the_figures():
    rows = [{"finding": "COVID-19", "films": 9, "patients": 9}, {"finding": "Varicella", "films": 4, "patients": 1}]
    table = explore.count_table("finding", rows)
    assert table.rows == [["COVID-19", 9, 9]] and "1 rows of fewer than 5 films stand in report.json" in table.caption
    assert len(explore.count_table("finding", rows[1:]).rows) == 1, "a table is never empty"


def test_a_sample_takes_so_many_of_each_class_and_source_in_every_process_the_same(collection):
    rows = read(collection)
    # Literally, as a set of names has another order in every process.
    assert [row.path for row in sample(rows, 1, 0)] == [f"{i}.png" for i in (17, 18, 19, 28, 32, 33)]
    assert sample(rows, None, 0) == rows
