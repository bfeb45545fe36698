"""Heads that learn inside sources: to recognise the hospital is no help, and operating points keep their promise."""

import csv
import json
from dataclasses import replace

import cv2
import msgspec
import numpy as np
import pytest

from training.config import CONFIGS, load
from training.data.manifest import Row
from training.fit.head import fit, learn, unseen_logits
from training.fit.head_config import UNKNOWN, HeadConfig, Label, Selection, shown, taught
from training.fit.head_run import counts
from xray.errors import DatasetError
from xray.networks.heads import Head
from xray.networks.preprocess import Recipe

ROW = Row("", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", 0, 0)
RECIPE = Recipe("lung-box", 160)
THREE = ("covid", "normal", "pneumonia")


def label(name: str, *present: str, **more: tuple[Selection, ...]) -> Label:
    return Label(name, (Selection(present or (name,)),), **more)


def config(*labels: Label, **changes: object) -> HeadConfig:
    made = HeadConfig(
        name="head", title="Head", positive="covid", exclusive=True, sources=("a", "b"), regularisation=0.01,
        sensitivity=0.9, error_rate=0.1, labels=labels, recipe=RECIPE,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


PAIR = config(label("normal"), label("covid", taught=(Selection(("covid", "pneumonia")),)))
CLASSES = config(*map(label, THREE))
FINDINGS = config(label("abnormal", "covid", "pneumonia"), label("covid"), exclusive=False)


def collection(n: int = 900) -> tuple[list[Row], np.ndarray]:
    """Draw features, one for each label, and a last one that tells the hospital c, which holds COVID alone.

    Hospital a holds normal and pneumonia, b holds all.
    """
    rng = np.random.default_rng(0)
    rows, inputs = [], []
    for number in range(n):
        source = "abc"[number % 3]
        held = {"a": THREE[1:], "b": THREE, "c": THREE[:1]}[source]
        name, split = held[rng.integers(len(held))], ("train", "train", "val", "test")[rng.integers(4)]
        person = f"p{number}"
        rows.append(changed(ROW, source, name, split, person))
        inputs.append([*(2.0 * (name == each) + rng.normal() for each in THREE), 5.0 * (source == "c")])
    return rows, np.array(inputs, np.float32)[:, None]


def changed(row: Row, source: str, name: str, split: str = "train", person: str = "p", finding: str = "") -> Row:
    return replace(row, source=source, label=name, split=split, group=person, patient_id=person, finding=finding)


@pytest.mark.parametrize("head", [PAIR, CLASSES, FINDINGS], ids=["pair", "classes", "findings"])
def test_a_source_with_one_label_teaches_nothing(head: HeadConfig) -> None:
    """Whatever the radiographs of the COVID hospital look like: listed or not, the head is the same."""
    rows, inputs = collection()
    listed = msgspec.structs.replace(head, sources=("a", "b", "c"), calibrated_on=("a", "b"))
    spoiled = inputs.copy()
    spoiled[[row.source == "c" for row in rows]] = 100.0
    np.testing.assert_array_equal(learn(spoiled, rows, listed).kernel, learn(inputs, rows, head).kernel)


@pytest.mark.parametrize("head", [PAIR, CLASSES, FINDINGS], ids=["pair", "classes", "findings"])
def test_nothing_of_a_hospital_left_out_is_used(head: HeadConfig) -> None:
    rows, inputs = collection()
    spoiled = inputs.copy()
    spoiled[[row.source == "a" for row in rows]] = 100.0
    here = np.array([row.source == "a" for row in rows])
    one, other = (unseen_logits(each, rows, head, {"a": inputs}) for each in (inputs, spoiled))
    np.testing.assert_array_equal(one[here], other[here])
    assert not np.isnan(one[here]).all()


def test_siim_and_radiography_covid_are_one_hospital() -> None:
    rows, inputs = collection()
    names = {"a": "siim", "b": "cohen", "c": "radiography-covid"}
    rows = [changed(row, names[row.source], row.label, row.split, row.group) for row in rows]
    head = msgspec.structs.replace(PAIR, sources=tuple(names.values()), one_sided_weight=0.5)
    spoiled = inputs.copy()
    spoiled[[row.source != "cohen" for row in rows]] = 100.0
    one, other = (learn(each, rows, head, left_out=name) for each, name in ((inputs, "siim"), (spoiled, "bimcv")))
    np.testing.assert_array_equal(one.kernel, other.kernel)


def test_to_recognise_the_hospital_helps_nothing_unless_it_is_compared_with_all() -> None:
    rows, inputs = collection()
    inputs[:, 0, 3] = [5.0 * (row.source == "b") for row in rows]
    inside = np.abs(learn(inputs, rows, CLASSES).kernel)
    assert inside[3].max() < 0.1 * inside[:3].max()
    mixed = msgspec.structs.replace(CLASSES, sources=("a", "b", "c"), one_sided_weight=1.0)
    spoiled = np.abs(learn(np.concatenate([inputs, inputs], axis=1), rows, mixed).kernel)
    assert spoiled[3].max() > 2 * inside[3].max()


@pytest.mark.parametrize(("head", "sources"), [(PAIR, ("c",)), (CLASSES, ("a", "c")), (FINDINGS, ("c",))])
def test_sources_that_do_not_join_all_labels_are_refused(head: HeadConfig, sources: tuple[str, ...]) -> None:
    rows, inputs = collection()
    with pytest.raises(DatasetError, match="recognise the hospital"):
        learn(inputs, rows, msgspec.structs.replace(head, sources=sources))


def test_each_label_keeps_its_promise() -> None:
    """Nine in ten radiographs find their own label plausible, and score above the threshold of a pair."""
    rows, inputs = collection(3000)
    test = np.array([row.split == "test" and row.source != "c" for row in rows])
    for head in (CLASSES, PAIR, FINDINGS):
        fitted = fit(inputs, rows, head)
        truth, scores = shown(rows, head)[test], fitted.head.scores(inputs[test, 0])
        for index, point in enumerate(fitted.points):
            own = scores[truth[:, index] == 1, index]
            assert (own >= point.negative_below).mean() >= 0.85
            if not (head.exclusive and len(fitted.points) > 2):
                others = scores[truth[:, index] == 0, index]
                assert (others < point.positive_from).mean() >= 0.85


def test_operating_points_are_chosen_as_for_a_hospital_that_was_not_seen() -> None:
    """Where backbones without a hospital find less in it, its scores are less sure, and fewer are decided."""
    rows, inputs = collection(3000)
    blurred = inputs + np.random.default_rng(1).normal(scale=2.0, size=inputs.shape).astype(np.float32)
    head = msgspec.structs.replace(PAIR, sources=("a", "b"))
    sure, unsure = (fit(inputs, rows, head, {"a": each, "b": each}) for each in (inputs, blurred))
    val = np.array([row.split == "val" and row.source != "c" for row in rows])
    undecided = []
    for each in (sure, unsure):
        point, scores = each.points[1], each.unseen[val, 1]
        undecided.append(((scores >= point.negative_below) & (scores < point.positive_from)).mean())
    assert undecided[1] > undecided[0] + 0.05


@pytest.mark.parametrize("head", [PAIR, CLASSES, FINDINGS], ids=["pair", "classes", "findings"])
def test_what_is_served_is_what_was_trained(head: HeadConfig) -> None:
    rows, inputs = collection()
    trained = learn(inputs, rows, head)
    facts = type("Facts", (), {"temperature": 1.0, "exclusive": head.exclusive})()
    served = Head(facts, **trained.arrays())
    for pooled, expected in zip(inputs[:5, 0], trained.scores(inputs[:5, 0]), strict=True):
        even = np.broadcast_to(pooled, (10, 10, 4)).astype(np.float32)
        np.testing.assert_allclose(served.scores(even), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "finding", "source", "expected"),
    [
        ("covid", "COVID-19", "cohen", [1, 1, 0, 1]),
        ("pneumonia", "bacteria", "kermany", [1, 0, 1, 0]),
        ("pneumonia", "SARS", "cohen", [1, 0, 0, 1]),
        ("pneumonia", "Pneumonia", "cohen", [1, 0, UNKNOWN, UNKNOWN]),
        ("atypical", "Atypical Appearance", "siim", [1, 0, UNKNOWN, UNKNOWN]),
        ("indeterminate", "Indeterminate Appearance", "siim", [1, UNKNOWN, UNKNOWN, UNKNOWN]),
        # A label that the head does not ask for is no sign of health.
        ("unlabelled", "", "cohen", [UNKNOWN] * 4),
    ],
)
def test_a_radiograph_shows_all_its_findings(name: str, finding: str, source: str, expected: list[int]) -> None:
    findings = load(CONFIGS / "findings.toml", HeadConfig)
    assert shown([changed(ROW, source, name, finding=finding)], findings)[0].tolist() == expected


def test_model_1_is_taught_more_than_it_is_judged_on() -> None:
    model = load(CONFIGS / "covid_normal.toml", HeadConfig)
    rows = [changed(ROW, "cohen", name) for name in THREE]
    assert shown(rows, model).tolist() == [[0, 1], [1, 0], [UNKNOWN, UNKNOWN]]
    assert taught(rows, model).tolist() == [[0, 1], [1, 0], [0, 1]]
    assert [(row["label"], row["films"]) for row in counts(rows, model)] == [(name, 1) for name in THREE]


def test_the_radiography_database_gives_four_classes(tmp_path, monkeypatch, radiograph, capsys) -> None:
    """From the published folders to the run of a head, by the commands that its configuration names."""
    from training import cache
    from training.__main__ import main
    from training.data import prepare

    for number, name in enumerate(("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia")):
        folder = tmp_path / "database" / name / "images"
        folder.mkdir(parents=True)
        for n in range(10):
            image = radiograph(128, 128, 100 * number + n)
            cv2.imwrite(str(folder / f"{name}-{10 * n}.png"), image // (1 + number / 4) + 20 * number)
    monkeypatch.setattr(cache, "FOLDER", tmp_path / "cache")
    monkeypatch.setattr(prepare, "near_copies", lambda _: [])  # drawn radiographs are all alike
    manifest, run = str(tmp_path / "manifest.csv"), tmp_path / "run"
    arguments = ["--source", str(tmp_path / "database"), "--output", manifest, "--validation", str(tmp_path / "held")]
    assert main(["prepare", *arguments, "--seed", "1", "--opacity"]) == 0
    assert main(["head", str(CONFIGS / "four_classes.toml"), "--manifest", manifest, "--run", str(run)]) == 0
    record = json.loads((run / "head.json").read_text())
    assert record["labels"] == ["covid", "opacity", "normal", "viral"] and record["exclusive"]
    with np.load(run / "head.npz") as arrays:
        assert {name: array.shape for name, array in arrays.items()} == {"kernel": (512, 4), "bias": (4,)}
    with (run / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == {"covid", "opacity", "normal", "pneumonia"}
    assert all(
        sum(float(row[f"score_{name}"]) for name in record["labels"]) == pytest.approx(1, abs=1e-5) for row in rows
    )
    assert all(row["y_covid"] == str(int(row["label"] == "covid")) for row in rows)
    assert json.loads((run / "config.json").read_text())["config"]["name"] == "four_classes"
