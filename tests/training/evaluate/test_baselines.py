"""Baselines that truly see no lung, learn from the train rows alone, and are kept."""

from pathlib import Path

import numpy as np
import pandas as pd

from training.config import CONFIGS, load
from training.data.manifest import read
from training.evaluate import baselines
from training.fit.head import HeadConfig, shown
from training.metrics.discrimination import roc_auc

LUNGS = np.zeros((96, 120), bool)
LUNGS[26:70, 30:52] = LUNGS[26:70, 66:90] = True


def test_what_changes_inside_the_lungs_is_not_seen() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, LUNGS.shape, dtype=np.uint8)
    changed = np.where(LUNGS, rng.integers(0, 256, LUNGS.shape, dtype=np.uint8), noise)
    seen = baselines.without_lungs(noise, LUNGS)
    np.testing.assert_array_equal(seen, baselines.without_lungs(changed, LUNGS))
    changed[:4] = 255 - changed[:4]
    differs = seen != baselines.without_lungs(changed, LUNGS)
    assert differs.any(axis=(1, 2)).all()


def test_they_give_the_border_away_and_are_kept(telling_border: Path) -> None:
    rows, config = read(telling_border), load(CONFIGS / "covid_normal.toml", HeadConfig)
    truth = shown(rows, config)
    scored = baselines.scored(rows, truth, config, telling_border)
    assert set(scored) == {"lungs_erased", "border_only"}
    test = np.array([row.split == "test" for row in rows])
    for scores, points in scored.values():
        assert roc_auc(truth[test, 1], scores[test, 1]) == 1
        np.testing.assert_array_equal(scores[test, 1] >= points[1].threshold, truth[test, 1] == 1)
    for picture in telling_border.parent.glob("*.png"):
        picture.unlink()
    again = baselines.scored(rows, truth, config, telling_border)
    for name, (scores, _points) in scored.items():
        np.testing.assert_array_equal(again[name][0], scores)


def test_they_learn_from_the_train_rows_alone() -> None:
    rng = np.random.default_rng(1)
    splits = np.repeat(["train", "test"], 40)
    y_true = np.tile([0, 1], 40)
    rows = pd.DataFrame({"split": splits, "label": y_true.astype(str), "source": "cohen", "y_true": y_true})
    pictures = rng.integers(0, 200, (80, 6, 6), dtype=np.uint8)
    pictures[:, 0, 0] = 250 * y_true
    score = baselines.fit(pictures, rows)
    mislabelled = rows.assign(y_true=np.where(splits == "test", 1 - y_true, y_true))
    np.testing.assert_array_equal(score, baselines.fit(pictures, mislabelled))
    test = splits == "test"
    assert roc_auc(y_true[test], score[test]) > 0.9
