"""Multi-label heads: a film may show several labels, and what nobody says is not learned."""

import dataclasses

import numpy as np
import pytest

from training.config import CONFIGS, load
from training.data.manifest import Row
from training.fit.labels import UNKNOWN, LabelsConfig, films, fit, fit_calibrated
from training.metrics.discrimination import expit
from xray.errors import DatasetError

ROW = Row("", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", 0, 0)


@pytest.fixture
def config() -> LabelsConfig:
    """The labels that are trained, learned from the drawn sources."""
    return dataclasses.replace(load(CONFIGS / "findings.toml", LabelsConfig), sources=("a", "b"), regularisation=0.01)


@pytest.mark.parametrize(
    ("label", "finding", "source", "shown"),
    [
        ("normal", "No Finding", "nih", {"abnormal": 0, "covid": 0, "bacterial": 0, "viral": 0}),
        ("covid", "COVID-19", "cohen", {"abnormal": 1, "covid": 1, "bacterial": 0, "viral": 1}),
        ("pneumonia", "bacteria", "kermany", {"abnormal": 1, "covid": 0, "bacterial": 1, "viral": 0}),
        ("pneumonia", "SARS", "cohen", {"abnormal": 1, "covid": 0, "bacterial": 0, "viral": 1}),
        ("pneumonia", "Pneumonia", "cohen", {"abnormal": 1, "covid": 0, "bacterial": UNKNOWN, "viral": UNKNOWN}),
        ("pneumonia", "Mass|Pneumonia", "nih", {"abnormal": 1, "covid": 0, "bacterial": UNKNOWN, "viral": UNKNOWN}),
    ],
)
def test_a_film_shows_all_its_labels(
    config: LabelsConfig, label: str, finding: str, source: str, shown: dict[str, int]
) -> None:
    row = dataclasses.replace(ROW, label=label, finding=finding, source=source)
    assert {each.name: each.of(row) for each in config.labels} == shown


def collection(n: int = 900) -> tuple[list[Row], np.ndarray, np.ndarray]:
    """Draw a label that the first feature tells; the second tells hospital c, where every film shows it."""
    rng = np.random.default_rng(0)
    rows, inputs, truth = [], [], []
    for number in range(n):
        source = "abc"[number % 3]
        shown = 1 if source == "c" else int(rng.integers(2))
        split = ("train", "train", "val", "test")[rng.integers(4)]
        rows.append(dataclasses.replace(ROW, source=source, split=split, label=str(shown), patient_id=str(number)))
        inputs.append([shown + rng.normal(0, 0.7), 5.0 * (source == "c")])
        truth.append(shown)
    return rows, np.array(inputs, np.float32)[:, None], np.array(truth)


def test_films_of_which_nobody_says_teach_nothing(config: LabelsConfig) -> None:
    rows, inputs, truth = collection()
    truth[::2] = UNKNOWN
    spoiled = inputs.copy()
    spoiled[::2] = 100.0
    (head, point), (other, same) = (fit_calibrated(each, truth, rows, config) for each in (inputs, spoiled))
    assert repr(head) == repr(other) and point == same


def test_a_hospital_where_all_show_it_teaches_nothing_and_the_threshold_finds_its_share(config: LabelsConfig) -> None:
    rows, inputs, truth = collection(3000)
    head, point = fit_calibrated(inputs, truth, rows, dataclasses.replace(config, sources=("a", "b", "c")))
    assert abs(head.kernel[1]) < 0.01 * abs(head.kernel[0])
    test = np.array([row.split == "test" and row.source != "c" for row in rows]) & (truth == 1)
    assert (expit(head.logits(inputs[test, 0])) >= point.threshold).mean() == pytest.approx(0.9, abs=0.06)
    with pytest.raises(DatasetError, match="that show the label and others"):
        fit(inputs, truth, rows, config, ["c"])


def test_films_are_counted_with_each_label(config: LabelsConfig) -> None:
    rows = [dataclasses.replace(ROW, source=source, split="train", patient_id="p") for source in "ab"]
    rows.append(dataclasses.replace(rows[0], source="c"))
    found = films(rows, np.array([[1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]), config)
    assert [(row["source"], row["label"]) for row in found] == [("a", "abnormal"), ("a", "covid"), ("b", "abnormal")]
