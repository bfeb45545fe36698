"""A training on several devices, simulated: each test runs the step as a user would, in processes of its own."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("jax", reason="needs the extra jax")

from training import run  # noqa: E402
from training.networks import devices  # noqa: E402
from xray.errors import XrayError  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
CONFIG = """
start = "random"
crop_size = 64
shares = {{ a = 0.5, b = 0.5 }}
questions = [{{ name = "a", answers = ["normal", "covid", "pneumonia"], sources = {{ a = 1.0, b = 0.5 }} }}]
opacity_weight = 0.7
erased = 0.2
weight_decay = 0.01
label_smoothing = 0.05
dropout = 0.3
average = 0.9
seed = 42
[[stages]]
size = 64
epochs = {epochs}
pictures = 16
batch = 8
peak_learning_rate = 1e-5
[augmentation]
flip = 0.5
noise = 8.0
"""
# Sums of the same numbers in another order. A batch norm that saw one device's films alone, or a device that was given
# another's films, is off by tenths; a gradient that was added up where it should be averaged, by the number of devices.
SAME_LOSS, SAME_MOMENTUM = 5e-3, 0.1


class Step:
    """The step `pretrain` of two batches an epoch, of 64 px."""

    def __init__(self, manifest: Path, folder: Path) -> None:
        self.manifest, self.folder = manifest, folder
        self.started: list[subprocess.Popen[str]] = []

    def config(self, epochs: int) -> Path:
        path = self.folder / f"{epochs}.toml"
        path.write_text(CONFIG.format(epochs=epochs))
        return path

    def start(self, name: str, *options: str, devices: int = 1, **environment: str) -> subprocess.Popen[str]:
        """Start it on a processor that is as many devices as are asked for."""
        asked = ("--config", self.config(1), "--manifest", self.manifest, "--run", self.folder / name)
        flags = f"--xla_force_host_platform_device_count={devices}"
        here = {"KERAS_BACKEND": "jax", "XLA_FLAGS": flags, "XRAY_RUNS": str(self.folder)}
        process = subprocess.Popen(
            [sys.executable, "-m", "training", "backbone", *map(str, asked), "--precision", "float32", *options],
            cwd=ROOT, env={**os.environ, **here, **environment},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.started.append(process)
        return process

    def ended(self, process: subprocess.Popen[str]) -> str:
        """Wait for its end, and return what it said."""
        said, _ = process.communicate(timeout=400)
        return said

    def run(self, name: str, *options: str, **more: object) -> Path:
        """Run it to its end, and return the folder of the run."""
        process = self.start(name, *options, **more)
        said = self.ended(process)
        assert process.returncode == 0, said
        return self.folder / name


@pytest.fixture
def step(collection, tmp_path) -> Iterator[Step]:
    made = Step(collection, tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.wait()


def momenta(folder: Path) -> np.ndarray:
    """Return what the optimiser remembers of all gradients, as one vector."""
    optimizer = keras.models.load_model(folder / "last.keras").optimizer
    return np.concatenate([np.ravel(each) for each in optimizer.variables if "momentum" in each.path])


def expect_same(folder: Path, other: Path) -> None:
    """Both runs saw the same losses, and learned the same from them."""
    for one, two in zip(run.history(folder), run.history(other), strict=True):
        for name in ("loss", "answers_loss", "opacity_loss"):
            assert one[name] == pytest.approx(two[name], rel=SAME_LOSS), name
    ours, theirs = momenta(folder), momenta(other)
    assert np.linalg.norm(theirs) > 0
    assert np.linalg.norm(ours - theirs) < SAME_MOMENTUM * np.linalg.norm(theirs)


def test_four_devices_and_two_processes_learn_what_one_device_learns(step):
    alone = step.run("alone")
    expect_same(step.run("four", "--devices", "4", "--workers", "2", devices=4), alone)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    job = {"KERAS_DISTRIBUTION_JOB_ADDRESSES": address, "KERAS_DISTRIBUTION_NUM_PROCESSES": "2"}
    each = [step.start("both", devices=2, **job, KERAS_DISTRIBUTION_PROCESS_ID=number) for number in "01"]
    said = [step.ended(process) for process in each]
    assert [process.returncode for process in each] == [0, 0], said
    expect_same(step.folder / "both", alone)
    told = [
        json.loads((step.folder / name / "config.json").read_text())["devices"] for name in ("alone", "four", "both")
    ]
    assert told == ["1 x cpu, float32", "4 x cpu, float32", "4 x cpu, float32"]


@pytest.mark.parametrize(
    ("asked", "environment", "backend", "told"),
    [
        (2, {}, "tensorflow", "KERAS_BACKEND=jax"),
        (1, {"KERAS_DISTRIBUTION_PROCESS_ID": "1"}, "tensorflow", "KERAS_BACKEND=jax"),
        # A process that does not know the others would train alone, and write what another one writes.
        (1, {"KERAS_DISTRIBUTION_PROCESS_ID": "1"}, "jax", "JOB_ADDRESSES"),
    ],
)
def test_what_a_backend_cannot_do_is_refused(asked, environment, backend, told, monkeypatch):
    monkeypatch.setattr("keras.config.set_dtype_policy", lambda name: None)
    monkeypatch.setattr("keras.backend.backend", lambda: backend)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(XrayError, match=told):
        devices.use(asked, "float32")
