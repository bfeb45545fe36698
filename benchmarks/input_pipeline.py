"""How fast films are prepared for pretraining, and learned from: `python -m benchmarks.input_pipeline`.

Each stage of training/configs/backbone.toml, its augmentation and its batches: drawn anew, from crops in a file, by one
process, by two threads of it, and by one process a core; then the training step itself on all cores of this machine,
with either backend of Keras. The pipeline divided by the step tells how many times faster a device may be that is still
kept busy.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from benchmarks.figure import circumstances, markdown
from benchmarks.pictures import REPOSITORY
from training.config import CONFIGS, load
from training.fit.backbone_data import PretrainConfig, Stage
from training.fit.workers import Workers

FILMS, BATCHES, STEPS = 512, 40, 2
START_S = 20.0
BACKENDS = ("tensorflow", "jax")


def prepared(films: Workers, config: PretrainConfig, stage: Stage, threads: int) -> float:
    """Return how many films a second are prepared for so many threads that ask."""
    chosen = np.arange(stage.batch)

    def batch(index: int) -> None:
        asked = (chosen + index * stage.batch) % FILMS
        films.changed(asked, stage.size, config.augmentation, (0,), index).result()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(batch, range(threads)))
        start = time.perf_counter()
        list(pool.map(batch, range(BATCHES)))
    return BATCHES * stage.batch / (time.perf_counter() - start)


def learned(stage: Stage, backend: str) -> float:
    """Return from how many films a second a network learns, in a process of its own."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "benchmarks.input_pipeline", "--step", str(stage.size)]
    run = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    return float(json.loads(run.stdout.splitlines()[-1]))


def step(config: PretrainConfig, stage: Stage) -> float:
    """Learn from one batch again and again in this process, and return films a second."""
    import keras

    from training.fit import backbone
    from training.networks.vgg16 import freeze, vgg16_batch_norm

    keras.config.set_dtype_policy("mixed_bfloat16")
    model = vgg16_batch_norm({"logits": 3, "within": 4}, config.dropout)
    freeze(model, stage.frozen_blocks)
    backbone.compile_stage(model, config, stage, 0)
    rng = np.random.default_rng(0)
    films = rng.normal(size=(stage.batch, stage.size, stage.size, 1)).astype(np.float32)
    possible = np.ones((stage.batch, 4), np.float32)
    truth = {"logits": np.eye(3)[rng.integers(0, 3, stage.batch)], "within": np.hstack([possible / 4, possible])}
    seconds = []
    for _ in range(1 + STEPS):
        start = time.perf_counter()
        model.train_on_batch(films, truth)
        seconds.append(time.perf_counter() - start)
    return stage.batch / float(np.median(seconds[1:]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.input_pipeline", description=__doc__.splitlines()[0])
    parser.add_argument("--step", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    config = load(CONFIGS / "backbone.toml", PretrainConfig)
    if asked.step:
        print(json.dumps(step(config, next(stage for stage in config.stages if stage.size == asked.step))))
        return
    cores = os.cpu_count() or 1
    columns = ("stage", "prepared a second, 1 process", "2 threads of it", f"{cores} processes",
               *(f"learned, {name}" for name in BACKENDS), "keeps busy what is as fast as these cores")  # fmt: skip
    print(circumstances(), markdown(columns, list(rows(config, cores))), sep="\n")


def rows(config: PretrainConfig, cores: int) -> Iterator[list[str]]:
    """Measure each stage, and yield its row."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        pictures = np.lib.format.open_memmap(f"{folder}/crops.npy", "w+", np.uint8, (FILMS, *[config.crop_size] * 2))
        pictures[:] = np.random.default_rng(0).integers(0, 256, pictures.shape, dtype=np.uint8)
        pictures.flush()
        alone, several = Workers(pictures), Workers(pictures, cores)
        start = time.perf_counter()
        while time.perf_counter() - start < START_S:  # until each process has come up and has had a batch
            prepared(several, config, config.stages[0], several.prefetch)
        for stage in config.stages:
            asked = (alone, 1), (alone, 2), (several, several.prefetch)
            rates = [prepared(films, config, stage, threads) for films, threads in asked]
            fast = [learned(stage, backend) for backend in BACKENDS]
            times = f"{rates[-1] / max(fast):.0f} times"
            each = (*(f"{rate:,.0f}" for rate in rates), *(f"{rate:.1f}" for rate in fast))
            yield [f"{stage.size} px, batches of {stage.batch}", *each, times]
        several.close()


if __name__ == "__main__":
    main()
