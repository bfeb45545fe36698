"""Heads that learn inside sources: the hospital is no help to them, and what is served is what was trained."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from training.data.manifest import Row
from training.evaluate import leave_one_out
from training.fit.contrast import ContrastConfig, contrast, fit, fit_split, taught_films
from training.metrics.discrimination import expit
from training.networks.first_edition import LinearHead
from xray.errors import DatasetError
from xray.networks.preprocess import Recipe

CONFIG = ContrastConfig(
    "covid_normal", "Model 1", "normal", "covid", ("normal",), ("covid", "pneumonia"), ("a", "b"), 0.0, 0.01, 0.9, 0.1,
    Recipe("lung-box", 160),
)  # fmt: skip
ROW = Row("", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", 0, 0)


def collection(n: int = 900) -> tuple[list[Row], np.ndarray]:
    """Draw features: the first tells disease a little, the second tells the hospital c (all COVID) perfectly."""
    rng = np.random.default_rng(0)
    rows, inputs = [], []
    for number in range(n):
        source = "abc"[number % 3]
        label = "covid" if source == "c" else ("normal", "covid", "pneumonia")[rng.integers(3)]
        split = ("train", "train", "val", "test")[rng.integers(4)]
        rows.append(
            dataclasses.replace(
                ROW, source=source, label=label, split=split, group=f"p{number}", patient_id=f"p{number}"
            )
        )
        inputs.append([(label != "normal") + rng.normal(0, 0.7), 5.0 * (source == "c") + rng.normal(0, 0.1)])
    return rows, np.array(inputs, np.float32)[:, None]


def test_a_source_that_lacks_a_class_teaches_nothing() -> None:
    """The head is the same whatever the films of the COVID hospital look like."""
    rows, inputs = collection()
    head, point = fit_split(inputs, rows, CONFIG)
    spoiled = inputs.copy()
    spoiled[[row.source == "c" for row in rows]] = 100.0
    assert repr(fit_split(spoiled, rows, CONFIG)[0]) == repr(head)
    test = [i for i, row in enumerate(rows) if row.split == "test" and row.source != "c"]
    truth = np.array([rows[i].label != "normal" for i in test])
    right = (expit(head.logits(inputs[test, 0])) >= point.threshold) == truth
    assert right.mean() > 0.7


def test_one_sided_sources_alone_are_refused() -> None:
    rows, inputs = collection()
    side = contrast(rows, CONFIG, ("c",))
    chosen = np.flatnonzero(side >= 0)
    with pytest.raises(DatasetError, match="both sides of the contrast"):
        fit(inputs[chosen], side[chosen], [rows[i] for i in chosen], CONFIG)


def test_a_one_sided_source_counts_as_much_as_it_is_given() -> None:
    """The more the COVID hospital counts, the more its own feature speaks for COVID; at 0 it is as if left out."""
    rows, inputs = collection()
    weights = []
    for weight in (0.0, 0.2, 1.0):
        config = dataclasses.replace(CONFIG, sources=("a", "b", "c"), one_sided_weight=weight)
        side = contrast(rows, config)
        weights.append(fit(inputs, side, rows, config).kernel[1] if (side >= 0).all() else np.nan)
    assert weights[0] < weights[1] < weights[2]


def test_films_and_patients_are_told_by_split_source_and_label() -> None:
    """As the model's page shows them: the contrast's own films, each patient once."""
    rows, _ = collection()
    one = dataclasses.replace(rows[0], source="a", label="covid", split="train", patient_id="twice")
    rows = [*(row for row in rows if row.source == "b"), one, one, dataclasses.replace(one, source="c")]
    found = taught_films(rows, CONFIG)
    assert {"split": "train", "source": "a", "label": "covid", "films": 2, "patients": 1} in found
    assert {row["source"] for row in found} == {"a", "b"}, "c is none of the head's sources"
    assert sum(int(str(row["films"])) for row in found) == len(rows) - 1


def test_heads_learn_from_every_view_and_are_judged_on_the_first() -> None:
    """A feature that the mirror image turns round is worth nothing to a head that saw both."""
    rows, inputs = collection()
    side = contrast(rows, CONFIG)
    chosen = np.flatnonzero(side >= 0)
    used = [rows[i] for i in chosen]
    alone = fit(inputs[chosen], side[chosen], used, CONFIG)
    mirror = inputs * np.array([-1, 1], np.float32)
    both = fit(np.concatenate([inputs, mirror], axis=1)[chosen], side[chosen], used, CONFIG)
    assert abs(both.kernel[0]) < 0.2 * abs(alone.kernel[0])
    twice = fit(inputs[chosen].repeat(2, axis=1), side[chosen], used, CONFIG)
    np.testing.assert_allclose(twice.kernel, alone.kernel, atol=1e-3)
    spoiled = inputs.repeat(2, axis=1)
    spoiled[[row.split != "train" for row in rows], 1] = 100.0
    assert repr(fit_split(spoiled, rows, CONFIG)) == repr(fit_split(inputs.repeat(2, axis=1), rows, CONFIG))


def test_a_source_left_out_changes_nothing() -> None:
    """Head, calibration, threshold and band are the same whatever that source's films look like."""
    rows, inputs = collection()
    spoiled = inputs.copy()
    spoiled[[row.source == "b" for row in rows]] = 100.0
    for one, other in zip(fit_split(inputs, rows, CONFIG, "b"), fit_split(spoiled, rows, CONFIG, "b"), strict=True):
        assert repr(one) == repr(other)


def test_what_is_served_is_what_was_trained() -> None:
    """NumPy's head on a feature map gives the calibrated score of the averaged features."""
    rows, inputs = collection()
    head, _ = fit_split(inputs, rows, CONFIG)
    served = LinearHead(**head.arrays())
    for pooled in inputs[:5, 0]:
        even = np.broadcast_to(pooled, (10, 10, 2)).astype(np.float32)
        assert served.scores(even)[1] == pytest.approx(expit(head.logits(pooled[None]))[0], abs=1e-5)


def test_leaving_a_source_out_judges_only_that_source() -> None:
    from training.evaluate.leave_one_out import Films

    rows, inputs = collection()
    found = leave_one_out.leave_one_source_out(Films(rows, inputs), CONFIG)
    assert [(row["left_out"], row["trained_on"]) for row in found] == [("a", ["b"]), ("b", ["a"]), ("c", ["a", "b"])]
    assert found[2]["unseen"]["roc_auc"] is None and found[2]["unseen"]["negatives"] == 0
    unseen = sum(row.source == "a" and row.split != "train" for row in rows)
    assert found[0]["unseen"]["n"] == unseen and found[0]["all"]["n"] == sum(row.source == "a" for row in rows)
    assert found[0]["unseen"]["roc_auc"]["value"] > 0.75


def test_patients_stay_in_one_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, inputs = collection(300)
    rows = [dataclasses.replace(row, group=f"p{number // 6}") for number, row in enumerate(rows)]
    groups_seen: list[set[str]] = []

    def spy(inputs: np.ndarray, y_true: np.ndarray, these: Sequence[Row], config: ContrastConfig) -> object:
        groups_seen.append({f"{row.source} {row.group}" for row in these})
        return fit(inputs, y_true, list(these), config)

    monkeypatch.setattr(leave_one_out, "fit", spy)
    found = leave_one_out.cross_validation(leave_one_out.Films(rows, inputs), CONFIG)
    everybody = {f"{row.source} {row.group}" for row in rows if row.source != "c"}
    assert len(groups_seen) == leave_one_out.FOLDS
    for group in everybody:
        assert sum(group not in seen for seen in groups_seen) == 1, "left out of exactly one fold's training"
    assert found.keys() == {"a", "b"}


def test_the_probe_finds_a_telling_feature_and_nothing_in_noise() -> None:
    rows, inputs = collection()
    noise = np.random.default_rng(1).normal(size=(len(rows), 2)).astype(np.float32)
    assert leave_one_out.probe(inputs[:, 0, 1:], rows) > 0.6
    assert leave_one_out.probe(noise, rows) < 0.45
