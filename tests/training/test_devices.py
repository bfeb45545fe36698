"""A training on several devices, simulated: each test runs the step as a user would, in processes of its own."""

import argparse
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("jax", reason="needs requirements-jax.txt")

from training import devices, pretrain, run  # noqa: E402
from training.config import load  # noqa: E402
from training.network import vgg16  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
classes = ["normal", "covid", "pneumonia"]
within_source_weight = 1.0
crop_size = 64
weight_decay = 5e-4
label_smoothing = 0.05
dropout = 0.4
seed = 42
[[stages]]
size = 64
epochs = {epochs}
pictures = 16
batch = 8
peak_learning_rate = 1e-4
[augmentation]
flip = 0.5
noise = 8.0
"""
# Sums of the same numbers in another order; a batch norm that saw one device's films alone, or a device that was given
# another's films, is off by tenths.
SAME = 5e-3


class Step:
    """The step `pretrain` of two batches an epoch, of 64 px."""

    def __init__(self, manifest: Path, folder: Path) -> None:
        self.manifest, self.folder = manifest, folder

    def config(self, epochs: int) -> Path:
        path = self.folder / f"{epochs}.toml"
        path.write_text(CONFIG.format(epochs=epochs))
        return path

    def start(self, name: str, *options: str, devices: int = 1, **environment: str) -> subprocess.Popen[str]:
        """Start it on a processor that is as many devices as are asked for."""
        asked = ("--config", self.config(1), "--manifest", self.manifest, "--run", self.folder / name)
        flags = f"--xla_force_host_platform_device_count={devices}"
        return subprocess.Popen(
            [sys.executable, "-m", "training.pretrain", *map(str, asked), "--precision", "float32", *options],
            cwd=ROOT, env={**os.environ, "KERAS_BACKEND": "jax", "XLA_FLAGS": flags, **environment},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, name: str, *options: str, **more: object) -> list[dict[str, float]]:
        """Run it to its end, and return the history."""
        process = self.start(name, *options, **more)
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
        return run.history(self.folder / name)


@pytest.fixture
def step(collection, tmp_path) -> Step:
    return Step(collection, tmp_path)


def close(one: list[dict[str, float]], other: list[dict[str, float]]) -> None:
    assert [row.keys() for row in one] == [row.keys() for row in other]
    for a, b in zip(one, other, strict=True):
        for name in ("loss", "logits_loss", "within_loss"):
            assert a[name] == pytest.approx(b[name], rel=SAME), name


def test_four_devices_and_two_processes_learn_what_one_device_learns(step):
    alone = step.run("alone")
    close(step.run("four", "--devices", "4", "--workers", "2", devices=4), alone)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    job = {"KERAS_DISTRIBUTION_JOB_ADDRESSES": address, "KERAS_DISTRIBUTION_NUM_PROCESSES": "2"}
    each = [step.start("both", devices=2, **job, KERAS_DISTRIBUTION_PROCESS_ID=number) for number in "01"]
    said = [process.communicate(timeout=300)[1] for process in each]
    assert [process.returncode for process in each] == [0, 0], said
    close(run.history(step.folder / "both"), alone)


def test_what_devices_began_another_backend_goes_on_with(step, monkeypatch):
    """Four devices under JAX learn an epoch; TensorFlow takes up their run, and reads the backbone that they left."""
    monkeypatch.setattr("training.dataset.CACHE", step.folder / "crops")
    step.run("run", "--devices", "4", devices=4)
    folder = step.folder / "run"
    first = keras.models.load_model(folder / "last.keras", compile=False)
    films = np.random.default_rng(0).normal(size=(2, 64, 64, 1)).astype(np.float32)
    maps = keras.Model(first.input, first.get_layer("block5_pool").output).predict(films, verbose=0)
    folded = vgg16(64)
    folded.load_weights(folder / "vgg16.weights.h5")
    np.testing.assert_allclose(folded.predict(np.repeat(films, 3, -1), verbose=0), maps, rtol=1e-2, atol=1e-3)
    pretrain.train(load(step.config(2), pretrain.PretrainConfig), step.manifest, folder)
    assert [row["epoch"] for row in run.history(folder)] == [1, 2]
    second = keras.models.load_model(folder / "last.keras", compile=False)
    moved = np.abs(first.get_layer("logits").kernel - second.get_layer("logits").kernel)
    assert moved.max() > 1e-6


@pytest.mark.parametrize(
    ("asked", "there", "words"),
    [
        ("3", 1, ("from 1 to 1 (cpu:0)", "Received: 3", "device_count=3")),
        ("all", 3, ("a batch that 3 devices can share evenly", "Received: 8")),
    ],
)
def test_devices_that_cannot_be_had_are_refused_with_what_to_do(step, asked, there, words):
    process = step.start("refused", "--devices", asked, devices=there)
    _, said = process.communicate(timeout=300)
    assert process.returncode != 0
    assert all(word in said for word in words), said
    assert not (step.folder / "refused" / "last.keras").exists()


@pytest.mark.parametrize(("asked", "words"), [("2", "KERAS_BACKEND=jax"), ("many", "a number or all")])
def test_what_this_backend_cannot_do_is_refused(asked, words, capsys, monkeypatch):
    monkeypatch.setattr("keras.config.set_dtype_policy", lambda name: None)
    parser = argparse.ArgumentParser()
    devices.add_options(parser)
    with pytest.raises(SystemExit):
        devices.use(parser, parser.parse_args(["--devices", asked]))
    assert words in capsys.readouterr().err
