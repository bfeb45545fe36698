"""metadata.json is read strictly: every slip stops start-up and says what was expected."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xray.errors import ModelError
from xray.networks import metadata
from xray.networks.metadata import Check, OperatingPoint
from xray.networks.preprocess import Recipe
from xray.registry import MODEL_DIR

Record = dict[str, Any]
POINT = {"threshold": 0.5, "negative_below": 0.4, "positive_from": 0.6}


def record(kind: str) -> Record:
    """Return a correct metadata.json of a kind."""
    common = {
        "name": "artefact", "kind": kind, "version": "1.0.0", "created": "2026-11-20T12:00:00Z", "title": "A",
        "file": {"name": "weights", "sha256": "a" * 64, "size_bytes": 10}, "licence": "MIT",
        "metrics": {"roc_auc": 0.9}, "training": {}, "parity": {},
    }  # fmt: skip
    special = {
        "segmentation": {"input_shape": [128, 128, 1], "threshold": 0.5},
        "backbone": {
            "recipe": {"name": "lung-box", "size": 192}, "input_shape": [192, 192, 3],
            "feature_shape": [12, 12, 512], "feature_layer": "block5_conv3",
        },
        "head": {
            "backbone": "vgg16_cxr", "backbone_sha256": "b" * 64, "labels": ["normal", "covid"],
            "exclusive": True, "positive": "covid", "temperature": 1, "points": [POINT, POINT],
        },
        "screen": {
            "backbone": "vgg16_cxr", "backbone_sha256": "b" * 64, "checks": [{"name": "child", "threshold": 1}],
        },
        "opacity": {
            "backbone": "vgg16_cxr", "backbone_sha256": "b" * 64, "threshold": 0.5, "extent_slope": 9.0,
            "extent_intercept": 0,
        },
    }  # fmt: skip
    return common | special[kind]


def write(folder: Path, content: object) -> Path:
    path = folder / "artefact" / metadata.FILE_NAME
    path.parent.mkdir()
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("segmentation", "threshold", 0.5),
        ("backbone", "recipe", Recipe("lung-box", 192)),
        ("head", "temperature", 1.0),
        ("head", "labels", ("normal", "covid")),
        ("head", "points", (OperatingPoint(**POINT),) * 2),
        ("screen", "checks", (Check(name="child", threshold=1.0),)),
        ("opacity", "extent_error", None),
    ],
)
def test_each_kind_is_read(tmp_path: Path, kind: str, key: str, value: object) -> None:
    assert getattr(metadata.load(write(tmp_path, record(kind))), key) == value


@pytest.mark.parametrize("path", sorted(MODEL_DIR.glob("*/metadata.json")), ids=lambda path: path.parent.name)
def test_the_published_artefacts_are_read(path: Path) -> None:
    assert metadata.load(path).name == path.parent.name


def without(key: str) -> Callable[[Record], Record]:
    return lambda kept: {name: value for name, value in kept.items() if name != key}


def changed(**values: object) -> Callable[[Record], Record]:
    return lambda kept: kept | values


@pytest.mark.parametrize(
    ("kind", "slip", "complaint"),
    [
        ("head", without("points"), "missing required field `points`"),
        ("head", changed(treshold=0.5), "unknown field `treshold`"),
        ("head", changed(kind="tail"), "Invalid value 'tail'"),
        ("head", changed(name="other"), "as its folder"),
        ("head", changed(version="1"), "version: three numbers"),
        ("head", changed(created="2026-11-20T12:00:00"), "UTC"),
        ("head", changed(temperature=True), "Expected `float`, got `bool`"),
        ("head", changed(temperature=0), "temperature above 0"),
        ("head", changed(labels=["covid", "covid"]), "labels: two or more, all different"),
        ("head", changed(positive="flu"), "positive: one of"),
        ("head", changed(points=[POINT]), "points: one for each label"),
        ("head", changed(points=[POINT, POINT | {"threshold": 0.7}]), "negative_below <= threshold <= positive_from"),
        ("head", changed(file={"name": "../x", "sha256": "a" * 64, "size_bytes": 1}), "bare file name"),
        ("backbone", changed(recipe={"name": "guess", "size": 192}), "recipe"),
        ("backbone", changed(input_shape=[224, 224, 3]), r"input_shape: \[192, 192, 3\]"),
        ("screen", without("checks"), "missing required field `checks`"),
        ("opacity", changed(threshold=1), "threshold above 0 and below 1"),
        ("segmentation", changed(threshold=0.4), "threshold: 0.5"),
    ],
)
def test_a_slip_stops_start_up(tmp_path: Path, kind: str, slip: Callable[[Record], Record], complaint: str) -> None:
    path = write(tmp_path, slip(record(kind)))
    with pytest.raises(ModelError, match=complaint) as caught:
        metadata.load(path)
    assert str(path) in str(caught.value) and "make models" in str(caught.value)


@pytest.mark.parametrize("content", [None, "", "{", "[]", "7", '{"kind": []}'])
def test_what_is_no_metadata_stops_start_up(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / metadata.FILE_NAME if content is None else write(tmp_path, content)
    with pytest.raises(ModelError, match="No such file" if content is None else "git checkout -- model"):
        metadata.load(path)
