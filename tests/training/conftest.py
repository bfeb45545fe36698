"""Drawn radiographs with their manifests, and the scores of a run."""

from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

# path, source, patient, view, label, split, upstream split, score
PREDICTIONS = [
    ("c1", "cohen", "p1", "PA", "covid", "test", "", 0.9),
    ("c2", "cohen", "p1", "AP", "covid", "test", "", 0.55),
    ("c3", "cohen", "p2", "PA", "covid", "test", "", 0.1),
    ("c4", "cohen", "p3", "PA", "normal", "test", "", 0.3),
    ("c5", "cohen", "p4", "AP", "normal", "test", "", 0.7),
    ("r1", "radiography-covid", "p5", "", "covid", "test", "", 0.8),
    ("k1", "kermany", "p6", "AP", "normal", "test", "test", 0.45),
    ("k2", "kermany", "p7", "AP", "normal", "test", "test", 0.05),
    ("k3", "kermany", "p8", "AP", "normal", "test", "train", 0.65),
    ("v1", "cohen", "p9", "PA", "covid", "val", "", 0.01),
    ("h1", "cohen", "p10", "PA", "covid", "held_out", "", 0.95),
    ("h2", "kermany", "p11", "AP", "normal", "held_out", "train", 0.5),
    ("h3", "kermany", "p12", "AP", "normal", "held_out", "train", 0.2),
]
LUNGS = np.zeros((96, 120), bool)
LUNGS[26:70, 30:52] = LUNGS[26:70, 66:90] = True


def row(number: int, **facts: Any) -> Any:
    """Return a row of a manifest: radiograph `number`, of a patient of its own."""
    from training.data.manifest import Row

    unsaid = dict.fromkeys(("sex", "age_years", "population", "upstream_split", "mask", "licence"), "")
    return Row(**{
        "path": f"{number}.png", "sha256": f"{number:064x}", "finding": facts["label"], "patient_id": f"p{number}",
        "group": f"p{number}", "view": "PA", "original_filename": f"{number}.png", "split": "train", "width": 64,
        "height": 64, **unsaid, **facts,
    })  # fmt: skip


@pytest.fixture
def killed_after_an_epoch(monkeypatch: pytest.MonkeyPatch):
    """A context in which a training ends as if it were interrupted once its first epoch is logged."""
    from keras.callbacks import CSVLogger

    def kill(logger, epoch, logs=None, log=CSVLogger.on_epoch_end):
        log(logger, epoch, logs)
        logger.csv_file.close()
        raise KeyboardInterrupt

    @contextmanager
    def killed():
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(CSVLogger, "on_epoch_end", kill)
            yield

    return killed


@pytest.fixture
def own_cache(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep cached arrays out of the project."""
    monkeypatch.setattr("training.cache.FOLDER", tmp_path / "cache")


@pytest.fixture
def collection(tmp_path, radiograph, own_cache):
    """The path of a manifest of 36 drawn films: 3 classes, 2 sources each, all splits, with masks."""
    from training.data.manifest import write

    rows = []
    for i in range(36):
        label, source = ("normal", "covid", "pneumonia")[i % 3], ("a", "b")[i // 3 % 2]
        film = radiograph(96, 96, i)
        cv2.imwrite(str(tmp_path / f"{i}.png"), film)
        mask = np.where(film < np.median(film), 255, 0).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"{i}_mask.png"), mask)
        split = ("train", "train", "train", "val", "test", "held_out")[i // 6]
        facts = {"label": label, "source": source, "split": split, "mask": f"{i}_mask.png", "population": "adult"}
        rows.append(row(i, **facts, width=96, height=96))
    write(rows, tmp_path / "manifest.csv", tmp_path)
    return tmp_path / "manifest.csv"


@pytest.fixture
def small_backbones(monkeypatch: pytest.MonkeyPatch, own_cache):
    """Let MobileNetV2 stand for a network of two convolutions with batch norm."""
    import keras
    from keras import applications, layers

    from training.studies import backbones

    def build(include_top, weights, input_shape, input_tensor=None):
        inputs = keras.Input(input_shape) if input_tensor is None else input_tensor
        x = layers.Conv2D(6, 3, strides=4, activation="relu")(inputs)
        x = layers.Conv2D(8, 3, strides=2)(layers.BatchNormalization()(x))
        return keras.Model(keras.utils.get_source_inputs(x), layers.ReLU()(x), name="small")

    monkeypatch.setattr(backbones, "ARCHITECTURES", {"MobileNetV2": (build, applications.mobilenet_v2)})


@pytest.fixture
def predictions() -> pd.DataFrame:
    """The scores of a small run: patient p1 twice, one source of both classes, one without a view."""
    names = ["path", "source", "patient_id", "view", "label", "split", "upstream_split", "y_score"]
    table = pd.DataFrame(PREDICTIONS, columns=names)
    y_true = (table.label == "covid").astype(int)
    table = table.assign(sex=["F", "M"] * 6 + [""], age_years=["12", "50", ""] * 4 + ["61"])
    return table.assign(sha256=table.path, path=table.path + ".png", group=table.patient_id, y_true=y_true)


@pytest.fixture
def fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make intervals from 100 draws instead of 1,000."""
    from training.metrics import figures

    monkeypatch.setattr(figures, "REPEATS", 100)


@pytest.fixture
def telling_border(tmp_path, monkeypatch: pytest.MonkeyPatch, own_cache):
    """The path of a manifest of 60 films whose border, but not whose lungs, tells the class."""
    from training.data import crops
    from training.data.manifest import write

    rows, rng = [], np.random.default_rng(0)
    found = cv2.resize(LUNGS.astype(np.float32), (128, 128))[None, ..., None]
    for number in range(60):
        label = ("normal", "covid")[number % 2]
        border = np.uint8(90 + 60 * (label == "covid"))
        picture = np.where(LUNGS, np.uint8(40), border) + rng.integers(0, 20, LUNGS.shape, dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
        split = ("train", "train", "val", "test")[number // 2 % 4]
        rows.append(row(number, label=label, source="cohen", split=split, width=120, height=96))
    write(rows, tmp_path / "manifest.csv", tmp_path)
    monkeypatch.setattr(crops, "segmenter", lambda: lambda _: found)
    return tmp_path / "manifest.csv"


@pytest.fixture
def marked_film(tmp_path):
    """One radiograph whose crop is its lower right quarter, bright where its box is."""
    from training.data import opacities
    from training.data.crops import Crops

    table = tmp_path / "siim" / "opacity_boxes.csv"
    table.parent.mkdir()
    table.write_text("path,left,top,width,height\n1.png,0.25,0.5,0.5,0.25\n")
    image = np.zeros((1, 64, 64), np.uint8)
    image[0, :32, :32] = 200
    box = np.array([[0.5, 1.0, 0.5, 1.0]], np.float32)
    facts = row(1, label="covid", source="siim", split="train", width=9, height=9)
    return Crops([facts], image, image > 0, box), opacities.read(tmp_path)
