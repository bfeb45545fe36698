"""Heads of several classes: the hospital is no help to them, and the thresholds keep what they promise."""

import csv
import dataclasses
import json

import cv2
import numpy as np
import pandas as pd
import pytest

from training.config import CONFIGS, load
from training.data.manifest import Row
from training.fit import classes, softmax
from training.fit.classes import ClassChoice, ClassesConfig, classes_of, fit, learn, thresholds
from training.metrics import class_figures
from xray.errors import DatasetError
from xray.networks.preprocess import Recipe

NAMES = ("covid", "normal", "pneumonia")
CONFIG = ClassesConfig(
    "three", "Model 3", "softmax", "covid", ("a", "b"), 0.01, 0.1, tuple(ClassChoice(name, (name,)) for name in NAMES),
    Recipe("lung-box", 160),
)  # fmt: skip
ROW = Row("", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", 0, 0)


def collection(n: int = 900) -> tuple[list[Row], np.ndarray]:
    """Draw features: a, one for each class; a further one tells the hospital b, where most COVID is.

    Hospital a holds normal and pneumonia, b holds all, c COVID alone.
    """
    rng = np.random.default_rng(0)
    rows, inputs = [], []
    for number in range(n):
        source = "abc"[number % 3]
        held = {"a": NAMES[1:], "b": NAMES, "c": NAMES[:1]}[source]
        label = held[rng.integers(len(held))]
        split = ("train", "train", "val", "test")[rng.integers(4)]
        person = f"p{number}"
        rows.append(dataclasses.replace(ROW, source=source, label=label, split=split, group=person, patient_id=person))
        inputs.append([*(2.0 * (label == name) + rng.normal() for name in NAMES), 5.0 * (source == "b")])
    return rows, np.array(inputs, np.float32)[:, None]


def test_to_know_the_hospital_helps_nothing() -> None:
    """Of the hospital's own feature next to nothing is learned, though only b and c have COVID."""
    rows, inputs = collection()
    head = learn(inputs, classes_of(rows, CONFIG), rows, CONFIG)
    hospital, disease = np.abs(head.kernel[3]).max(), np.abs(head.kernel[:3]).max()
    assert hospital < 0.1 * disease
    mixed = learn(inputs, classes_of(rows, CONFIG), rows, dataclasses.replace(CONFIG, rivals="all"))
    assert np.abs(mixed.kernel[3]).max() > 3 * hospital, "held against all classes, a film tells its hospital"


def test_a_source_with_one_class_teaches_nothing() -> None:
    rows, inputs = collection()
    config = dataclasses.replace(CONFIG, sources=("a", "b", "c"))
    y_true = classes_of(rows, config)
    spoiled = inputs.copy()
    spoiled[[row.source == "c" for row in rows]] = 100.0
    assert repr(learn(spoiled, y_true, rows, config)) == repr(learn(inputs, y_true, rows, CONFIG))


def test_sources_that_do_not_join_all_classes_are_refused() -> None:
    rows, inputs = collection()
    config = dataclasses.replace(CONFIG, sources=("a", "c"))
    with pytest.raises(DatasetError, match="that join all of covid, normal, pneumonia"):
        learn(inputs, classes_of(rows, config), rows, config)


def test_nine_in_ten_films_of_a_class_find_it_plausible() -> None:
    rows, inputs = collection(3000)
    head, points = fit(inputs, rows, CONFIG)
    y_true = classes_of(rows, CONFIG)
    test = np.array([row.split == "test" for row in rows])
    scores = head.scores(inputs[test, 0])
    for index in range(3):
        own = scores[y_true[test] == index, index]
        assert (own >= points[index]).mean() == pytest.approx(0.9, abs=0.05)


def test_nothing_of_a_source_left_out_is_used() -> None:
    rows, inputs = collection()
    spoiled = inputs.copy()
    spoiled[[row.source == "a" for row in rows]] = 100.0
    (head, points), (other, others) = (fit(each, rows, CONFIG, "a") for each in (inputs, spoiled))
    assert repr(head) == repr(other) and points.tolist() == others.tolist()


def test_a_class_without_validation_films_is_refused() -> None:
    with pytest.raises(DatasetError, match="validation films of every class"):
        thresholds(np.array([0, 0]), np.eye(2), np.ones(2), 0.1)


def test_films_are_chosen_by_label_and_finding() -> None:
    config = load(CONFIGS / "four_classes_here.toml", ClassesConfig)
    shown = [
        ("covid", "COVID-19"),
        ("normal", ""),
        ("pneumonia", "bacteria"),
        ("pneumonia", "virus"),
        ("pneumonia", ""),
    ]
    rows = [dataclasses.replace(ROW, label=label, finding=finding) for label, finding in shown]
    assert classes_of(rows, config).tolist() == [0, 1, 2, 3, -1]


@pytest.mark.usefixtures("fewer_draws")
def test_figures_of_each_class_and_who_was_called_what() -> None:
    truth = [0, 0, 1, 1, 2, 2]
    shares = [[0.8, 0.1, 0.1], [0.4, 0.5, 0.1], [0.1, 0.8, 0.1], [0.3, 0.4, 0.3], [0.1, 0.1, 0.8], [0.2, 0.2, 0.6]]
    people = [f"p{number}" for number in range(6)]
    table = pd.DataFrame({"y_true": truth, "patient_id": people, "group": people})
    table[[f"score_{name}" for name in NAMES]] = shares
    found = class_figures.measure(table, NAMES, np.array([0.35, 0.35, 0.35]))
    assert found["confusion"] == [[1, 1, 0], [0, 2, 0], [0, 0, 2]]
    assert found["verdicts"] == [[1, 0, 0, 1], [0, 2, 0, 0], [0, 0, 2, 0]], "two are plausible of the second film"
    assert found["classes"]["covid"]["sensitivity"]["value"] == 0.5
    assert found["classes"]["normal"]["specificity"]["value"] == 0.75
    assert found["classes"]["covid"]["roc_auc"]["value"] == 1
    assert found["macro"]["sensitivity"]["value"] == found["macro"]["accuracy"]["value"] == pytest.approx(5 / 6)
    assert found["covered"] == 1


def test_calibration_brings_scores_to_shares() -> None:
    """Ten times too sure, and leaning to the first class: calibrated, the mean score is the share again."""
    rows, inputs = collection(3000)
    y_true = classes_of(rows, CONFIG)
    head = learn(inputs, y_true, rows, CONFIG)
    sure = softmax.Softmax(10 * head.kernel, 10 * head.bias + np.array([5, 0, 0]))
    scores = sure.calibrated(y_true, inputs[:, 0], np.ones(len(rows))).scores(inputs[:, 0])
    assert scores.mean(axis=0) == pytest.approx(np.bincount(y_true) / len(y_true), abs=0.01)


@pytest.mark.usefixtures("fewer_draws")
def test_the_radiography_database_gives_four_classes(tmp_path, monkeypatch, radiograph) -> None:
    """From the published folders to scores and a report; each class is drawn with a brightness of its own."""
    from training.data import crops, prepare
    from training.evaluate import baselines, evaluate_classes
    from training.fit import features

    names = {"COVID": 0, "Lung_Opacity": 1, "Normal": 2, "Viral Pneumonia": 3}
    for name, number in names.items():
        folder = tmp_path / "database" / name / "images"
        folder.mkdir(parents=True)
        for n in range(10):
            film = radiograph(128, 128, 100 * number + n)
            cv2.imwrite(str(folder / f"{name}-{10 * n}.png"), film // (1 + number) + 20 * number)
    for module in (baselines, crops, features):
        monkeypatch.setattr(module, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(features, "RUNS", tmp_path)
    monkeypatch.setattr(prepare, "near_copies", lambda _: [])  # drawn films are all alike
    manifest, validation = tmp_path / "manifest.csv", tmp_path / "validation"
    prepare.prepare([tmp_path / "database"], manifest, validation, 1, opacity=True)
    config = CONFIGS / "four_classes.toml"
    classes.train(load(config, ClassesConfig), manifest, "vgg16_cxr", tmp_path / "run")
    with (tmp_path / "run" / "predictions.csv").open() as file:
        assert {row["class"] for row in csv.DictReader(file)} == {"covid", "opacity", "normal", "viral"}
    assert evaluate_classes.main([str(config), "--manifest", str(manifest), "--run", str(tmp_path / "run")]) == 0
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert len(report["test"]["all"]["confusion"]) == 4
    page = (tmp_path / "run" / "report.html").read_text()
    assert "opacity" in page and page.count("data:image/png") == 3
