"""Runs of heads of each kind on drawn features, without a radiograph."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

pytest.importorskip("keras", reason="needs the training extra")

from training.config import CONFIGS, load  # noqa: E402
from training.data.manifest import Row  # noqa: E402
from training.evaluate import audit, baselines, evaluate  # noqa: E402
from training.evaluate.leave_one_out import Radiographs  # noqa: E402
from training.fit import head as heads  # noqa: E402
from training.fit import head_run  # noqa: E402
from training.fit.head_config import HeadConfig  # noqa: E402

ROW = Row("", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", 0, 0)
LABELS = {
    "siim": ("normal", "covid", "indeterminate", "atypical"),
    "nih": ("normal", "pneumonia"),
    "kermany": ("normal", "pneumonia"),
    "cohen": ("normal", "covid", "pneumonia"),
    "radiography-covid": ("covid",),
    "radiography-rsna": ("normal",),
}
HEADS = ("covid_normal", "covid_pneumo", "three_classes", "findings")


def config(name: str) -> HeadConfig:
    return load(CONFIGS / f"{name}.toml", HeadConfig)


@pytest.fixture(scope="session")
def radiographs() -> Radiographs:
    """1,800 radiographs; the first feature tells abnormal from normal, the second COVID-19 from other pneumonia."""
    rng = np.random.default_rng(0)
    rows, inputs = [], []
    for number in range(1800):
        source = list(LABELS)[number % 6]
        label = LABELS[source][number // 6 % len(LABELS[source])]
        split = ("train", "train", "val", "test")[rng.integers(4)]
        name = f"{source}-{number}"
        rows.append(dataclasses.replace(
            ROW, path=name, sha256=f"{number:064x}", source=source, label=label, split=split, group=name,
            patient_id=name, view="AP Supine" if number % 7 else "PA", sex="F", age_years="50",
            finding="virus" if number % 2 else "bacteria",
            upstream_split="test" if source == "kermany" else "",
        ))  # fmt: skip
        inputs.append([(label != "normal") + rng.normal(0, 0.4), (label == "covid") + rng.normal(0, 0.4)])
    return Radiographs(rows, np.array(inputs, np.float32)[:, None])


@pytest.fixture(scope="session")
def make_run(radiographs: Radiographs, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Train one of the served heads on the drawn features, as `head` does; returns the folder of its run."""
    home, made = tmp_path_factory.mktemp("runs"), {}

    def make(name: str) -> Path:
        if name not in made:
            made[name] = write(radiographs, config(name), home / name)
        return made[name]

    return make


def write(radiographs: Radiographs, found: HeadConfig, folder: Path) -> Path:
    folder.mkdir()
    fitted = heads.fit(radiographs.inputs, radiographs.rows, found)
    record = {
        "config": msgspec.to_builtins(found), "weights": "vgg16_cxr", "commit": "abc", "manifest_sha256": "0" * 64,
        "films": head_run.counts(radiographs.rows, found), "backbones_left_out": ["kermany"],
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(record))
    (folder / "head.json").write_text(json.dumps({
        "labels": found.names, "exclusive": found.exclusive, "positive": found.positive, "temperature": 1.0,
        "points": msgspec.to_builtins(fitted.points),
    }))  # fmt: skip
    np.savez(folder / "head.npz", **fitted.head.arrays())
    scores = {"predictions.csv": fitted.head.scores(radiographs.inputs[:, 0]), head_run.LEFT_OUT_FILE: fitted.unseen}
    head_run.write_scores(folder, radiographs.rows, found, scores)
    return folder


@pytest.fixture(scope="session")
def drawn(radiographs, tmp_path_factory):
    """Let the evaluation find the drawn features in place of radiographs, with few draws for intervals."""
    images = np.random.default_rng(1).integers(0, 255, (2, len(radiographs.rows), 3, 3), np.uint8)
    images[:, :, 0, 0] = [200 if row.source == "radiography-covid" else 10 for row in radiographs.rows]
    kept = tmp_path_factory.mktemp("cache")

    @contextmanager
    def patched() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("training.metrics.figures.REPEATS", 20)
            patch.setattr("training.cache.FOLDER", kept)
            for module in (evaluate, audit):
                patch.setattr(module, "radiographs_of", lambda *_, **__: radiographs)
            patch.setattr(baselines, "thumbnails", lambda *_, **__: ("", images))
            yield

    return patched


@pytest.fixture(scope="session")
def report(make_run: Callable[[str], Path], drawn: Any) -> Callable[[str], dict[str, Any]]:
    """Evaluate the run of a head, once."""
    made: dict[str, dict[str, Any]] = {}

    def measure(name: str) -> dict[str, Any]:
        if name not in made:
            with drawn():
                made[name] = evaluate.evaluate(evaluate.load(make_run(name)), Path("manifest.csv"))
        return made[name]

    return measure
