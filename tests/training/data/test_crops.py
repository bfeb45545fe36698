"""Crops that are those of serving, and balanced draws."""

from contextlib import suppress
from dataclasses import replace

import cv2
import numpy as np
import pytest

from training import cache
from training.data import manifest
from training.data.collection import Collection
from training.data.crops import SOURCE_POWER, crops, draw_weights
from training.data.layouts import collect
from xray.analysis import Analyzer
from xray.errors import ImageError
from xray.networks.preprocess import Recipe, scale
from xray.registry import Registry

RADIOGRAPHS = 500

LABELS = ["covid"] * 10 + ["normal"] * 1000 + ["normal"] * 8
SOURCES = ["a"] * 10 + ["b"] * 1000 + ["c"] * 8


def share(weights, label, source=None):
    return sum(w for w, a, b in zip(weights, LABELS, SOURCES, strict=True) if a == label and source in (None, b))


@pytest.mark.parametrize(
    ("power", "expected"),
    [(0.0, 0.25), (SOURCE_POWER, 0.5 * 2 / 12), (1.0, 0.5 * 8 / 1008)],
    ids=["sources equal", "of 1000 and 8 radiographs the cube roots, 10 and 2", "radiographs equal"],
)
def test_labels_are_drawn_equally_often_and_a_large_source_does_not_drown_a_small_one(power, expected):
    weights = draw_weights(LABELS, SOURCES, power)
    assert weights.sum() == pytest.approx(1)
    assert share(weights, "covid") == pytest.approx(0.5)
    assert share(weights, "normal", "c") == pytest.approx(expected)
    assert np.ptp(weights[10:1010]) == 0


def test_crops_are_kept_until_a_radiograph_changes(collection):
    first = crops(collection, Recipe("lung-box", 64))
    assert len(first.rows) == len(first.images) > 30, "drawn radiographs pass the quality gate"
    (collection.parent / first.rows[0].path).unlink()
    again = crops(collection, Recipe("lung-box", 64))
    np.testing.assert_array_equal(again.images, first.images)
    changed = replace(first.rows[0], sha256="f" * 64)
    with pytest.raises(FileNotFoundError):
        crops(collection, Recipe("lung-box", 64), [changed])


def test_what_serving_refuses_no_head_sees(collection):
    cv2.imwrite(str(collection.parent / "3.png"), np.full((96, 96), 128, np.uint8))
    kept = crops(collection, Recipe("lung-box", 64))
    assert "3.png" not in {row.path for row in kept.rows}
    assert len(kept.rows) == len(kept.images)


def test_what_training_caches_is_what_serving_feeds(real_data, tmp_path, monkeypatch):
    """From the bytes of each file, bit for bit, on radiographs of all sources."""
    monkeypatch.setattr(cache, "FOLDER", tmp_path / "cache")
    found = Collection(real_data)
    collect(real_data, found)
    sources = sorted({row.source for row in found.rows})
    rng, some = np.random.default_rng(0), []
    for name in sources:
        rows = [row for row in found.rows if row.source == name]
        some += [rows[i] for i in rng.choice(len(rows), RADIOGRAPHS // len(sources), replace=False)]
    manifest.write([replace(row, split="train") for row in some], tmp_path / "manifest.csv", real_data)
    registry = Registry.load()
    recipe, fed = registry.backbone.recipe, {}
    cached = crops(tmp_path / "manifest.csv", recipe, some)

    class Spy:
        def __call__(self, x):
            fed[path] = x[0]
            return np.zeros((1, *registry.backbone.facts.feature_shape), np.float32)

    analyzer = Analyzer(replace(registry, backbone=replace(registry.backbone, network=Spy())))
    for path in (row.path for row in some):
        with suppress(ImageError):
            analyzer.analyse((real_data / path).read_bytes(), [])
    assert {row.path for row in cached.rows} == fed.keys()
    assert len(fed) > 0.9 * len(some)
    for row, image in zip(cached.rows, cached.images, strict=True):
        np.testing.assert_array_equal(scale(image, recipe), fed[row.path])
