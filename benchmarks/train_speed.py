"""How long it takes to train one head, 20 epochs, from pictures on the disk: `python -m benchmarks.train_speed`.

Both sides learn from the same 200 films, each in a process of its own that starts with nothing cached.

- Ours is `python -m training.fit.train` with the articles' configuration: crops, the backbone's features of each
  film and its three augmented copies, 20 epochs of the head.
- The reference way is what the articles' notebooks do: read the films once, squash them to 224 x 224, and let Keras fit
  the head behind the frozen VGG16, in batches of 8, each film turned by up to 15 degrees at each epoch. One epoch is
  timed, once the network has been traced, and taken 20 times; the start and the reading are added once.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks import pictures
from benchmarks.figure import Figure, circumstances, table
from benchmarks.radiograph import film
from training.config import data_root
from xray.registry import BACKBONE

FILMS, EPOCHS, BATCH, DEGREES = 200, 20, 8, 15.0
CONFIG = pictures.REPOSITORY / "training" / "configs" / "articles_covid_normal.toml"
# Films of each class for each split of ours; the reference way trains with the first, and validates with the rest.
SPLITS = ("train", "train", "train", "train", "val")


def measure(*, films: int = FILMS) -> list[Figure]:
    """Measure both sides.

    Args:
        films: of both classes together.
    """
    with tempfile.TemporaryDirectory() as folder:
        _lay_out(Path(folder), films)
        ours, theirs = (_timed(side, Path(folder)) for side in ("ours", "theirs"))
    extrapolated = theirs["before"] + EPOCHS * theirs["epoch"]
    timed = f"of theirs one epoch was timed, {theirs['epoch']:.1f} s, and taken {EPOCHS} times"
    name = f"training one head, {EPOCHS} epochs, {films} films ({timed})"
    return [Figure(name, ours["all"], extrapolated, "s", "at least 20 times faster", 1 / 20)]


def _timed(side: str, folder: Path) -> dict[str, float]:
    """Run one side in a process of its own, from its start."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-m", "benchmarks.train_speed", "--side", side, "--folder", str(folder)]
    start = time.perf_counter()
    run = subprocess.run(command, cwd=pictures.REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    seconds: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    every = time.perf_counter() - start
    return {**seconds, "all": every, "before": every - seconds.get("fit", 0.0)}


def _lay_out(folder: Path, films: int) -> None:
    """Write films of both classes with their manifest: published ones where they are at hand, else averages."""
    from training.data.manifest import Row, write

    rows = []
    for number, (label, content) in enumerate(_films(films)):
        path = folder / f"{label}_{number}.jpg"
        path.write_bytes(content)
        rows.append(Row(
            path=path.name, sha256=f"{number:064x}", label=label, finding=label, source="benchmark", view="PA", sex="",
            patient_id=f"p{number}", group=f"p{number}", age_years="", population="", upstream_split="", mask="",
            licence="", split=SPLITS[number // 2 % len(SPLITS)], original_filename=path.name, width=512, height=512,
        ))  # fmt: skip
    write(rows, folder / "manifest.csv", folder)


def _films(count: int) -> Iterator[tuple[str, bytes]]:
    """Yield films of the two classes in turn: label and content."""
    root = data_root()
    sources = {"normal": root / "kermany", "covid": root / "cohen" / "covid"}
    found = {label: sorted(path.rglob("*.jp*g"))[: count // 2] for label, path in sources.items()}
    for number in range(count // 2):
        for label in sources:
            if len(found[label]) == count // 2:
                yield label, found[label][number].read_bytes()
            else:
                yield label, cv2.imencode(".jpg", film(512, seed=number))[1].tobytes()


def ours(folder: Path) -> dict[str, float]:
    """Train as `python -m training.fit.train` does, with caches of this run alone."""
    from training.config import load
    from training.data import crops
    from training.fit import features
    from training.fit.train import TrainConfig, train

    crops.CACHE, features.CACHE = folder / "crops", folder / "features"
    train(load(CONFIG, TrainConfig), folder / "manifest.csv", BACKBONE, folder / "run")
    return {}


def theirs(folder: Path) -> dict[str, float]:
    """Train as the articles do, one epoch."""
    import keras

    from benchmarks.reference_app import SIDE, network

    paths = sorted(folder.glob("*.jpg"))
    read = [cv2.resize(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), (SIDE, SIDE)) for path in paths]
    x = np.asarray(read, np.float32) / 255
    y = np.eye(2)[[int(path.name.startswith("covid")) for path in paths]]
    order = np.random.default_rng(0).permutation(len(x))
    train, val = np.split(order, [len(x) * SPLITS.count("train") // len(SPLITS)])

    class Turned(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return -(-len(train) // BATCH)

        def __getitem__(self, index: int) -> Any:  # noqa: ANN401
            chosen = train[index * BATCH : (index + 1) * BATCH]
            return np.stack([_turned(x[i]) for i in chosen]), y[chosen]

    model = network()
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", metrics=["accuracy"])
    start = time.perf_counter()
    model.train_on_batch(x[train[:BATCH]], y[train[:BATCH]])
    model.evaluate(x[val[:BATCH]], y[val[:BATCH]], verbose=0)
    traced = time.perf_counter()
    model.fit(Turned(), validation_data=(x[val], y[val]), batch_size=BATCH, epochs=1, verbose=0)
    end = time.perf_counter()
    return {"epoch": end - traced, "fit": end - start}


def _turned(picture: np.ndarray) -> np.ndarray:
    angle = np.random.uniform(-DEGREES, DEGREES)
    side = picture.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1.0)
    return cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)


def main() -> None:
    """Measure and print; or be one of the two processes that are timed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_speed", description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=FILMS, help=f"of both classes together (default: {FILMS})")
    parser.add_argument("--side", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        print(json.dumps({"ours": ours, "theirs": theirs}[asked.side](asked.folder)))
        return
    print(circumstances())
    print(table(measure(films=asked.films)))


if __name__ == "__main__":
    main()
