"""A small sample of radiographs for the notebooks: real ones where there are any, else stand-ins.

A stand-in is one of the three averages of static/examples/, augmented at random: no patient's image, and enough to run
every step. What is measured on stand-ins says nothing.
"""

import contextlib
import io
import shutil
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.config import REPOSITORY, RUNS, data_root
from training.data import layouts, manifest, prepare
from training.data.augment import Augmentation, augment
from training.data.crops import LUNG_NETWORK
from training.data.manifest import LABELS, MANIFEST, Row
from xray.networks import lungs
from xray.networks.runtime import Network

FOLDER = RUNS / "notebooks"
EXAMPLES = REPOSITORY / "static" / "examples"
# Of the radiographs of a class and source.
SHARES = {"train": 0.5, "val": 0.2, "test": 0.3, "held_out": 0.5}
SEED = 0
# Of a stand-in, in pixels.
SIDE = 256
VARIED = Augmentation(
    rotation_degrees=8, zoom=(0.85, 1.15), shift=0.05, flip=0.5, gamma=(0.6, 1.6), curve=0.5, blur=0.2, noise=14
)
STAND_IN_SOURCES = ("stand-in A", "stand-in B")


def sample(number: int, *, with_masks: bool = False, table: Path = MANIFEST, data: Path | None = None) -> Path:
    """Write a manifest of a few radiographs, in the splits that they have among all of them, and print what it holds.

    Args:
        number: radiographs of each class and source in train, val and test together; held-out ones come on top.
        with_masks: whether only radiographs with a lung mask are wanted.
        table: the manifest of all radiographs; where there is none it is made from `data`.
        data: a folder of radiographs that `prepare` reads; the setting XRAY_DATA by default.

    Returns:
        Its path; every step of training/ takes it as `--manifest`.
    """
    real = whole(table, data)
    if real is None:
        print(
            "No radiographs here (XRAY_DATA names their folder): stand-ins made from three averages. "
            "They run every step; their figures say nothing."
        )
    folder = FOLDER / "stand-ins" if real is None else manifest.root(real)
    rows = _stand_ins(number, folder) if real is None else manifest.read(real)
    chosen = drawn([row for row in rows if row.mask or not with_masks], number)
    path = FOLDER / f"sample-{'masks-' if with_masks else ''}{number}.csv"
    manifest.write(chosen, path, folder)
    print(f"{len(chosen)} films of {len({row.patient_id for row in chosen})} patients, drawn from {len(rows)}.")
    return path


def drawn(rows: Sequence[Row], number: int) -> list[Row]:
    """Draw radiographs of each class, source and split at random, at least one where there is one."""
    rng, taken = np.random.default_rng(SEED), list[int]()
    cells = sorted({(row.label, row.source, row.split) for row in rows})
    for cell in cells:
        places = [i for i, row in enumerate(rows) if (row.label, row.source, row.split) == cell]
        taken += rng.permutation(places)[: max(1, round(SHARES[cell[2]] * number))].tolist()
    return [rows[i] for i in sorted(taken)]


def whole(table: Path = MANIFEST, data: Path | None = None) -> Path | None:
    """Return the manifest of all radiographs, made where it is missing; None without any. Arguments as `sample`."""
    data = data or data_root()
    if table.is_file() and manifest.root(table).is_dir():
        return table
    if not any(recognised(data) for recognised, _ in layouts.LAYOUTS):
        return None
    made = FOLDER / "manifest.csv"
    if not made.is_file() or manifest.root(made) != data.resolve():
        # Its own list and folder of held-out images: a notebook changes nothing outside runs/.
        validation = FOLDER / "held_out"
        validation.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / "dataset_validation" / "manifest.csv", validation)
        with contextlib.redirect_stdout(io.StringIO()):
            prepare.prepare([data], made, validation, seed=42)
    return made


def _stand_ins(number: int, folder: Path) -> list[Row]:
    """Draw stand-ins of each class for two invented hospitals, of which B prints a letter on each image."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, network = np.random.default_rng(SEED), Network(LUNG_NETWORK)
    rows: list[Row] = []
    for label in LABELS:
        average = cv2.imread(str(EXAMPLES / f"average_{label}.png"), cv2.IMREAD_GRAYSCALE)
        for source in STAND_IN_SOURCES:
            for split, share in SHARES.items():
                for _ in range(max(2, round(share * number))):
                    image = np.rint(augment(average, SIDE, VARIED, rng)).astype(np.uint8)
                    if source == STAND_IN_SOURCES[1]:
                        cv2.putText(image, "B", (8, 34), cv2.FONT_HERSHEY_SIMPLEX, 1.1, 255, 3)
                    name = f"{label}-{source[-1]}-{len(rows)}"
                    mask = lungs.segment(image, network).astype(np.uint8) * 255
                    rows.append(replace(_written(image, mask, name, folder), label=label, source=source, split=split))
    return rows


def _written(image: NDArray[np.uint8], mask: NDArray[np.uint8], name: str, folder: Path) -> Row:
    """Write a stand-in with its mask, and return its row without class, source and split."""
    (folder / f"{name}.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    (folder / f"{name}-lungs.png").write_bytes(cv2.imencode(".png", mask)[1].tobytes())
    height, width = image.shape
    return Row(
        path=f"{name}.png", sha256=sha256(image.tobytes()).hexdigest(), label="", finding="stand-in", source="",
        patient_id=name, group=name, view="", sex="", age_years="", population="", upstream_split="",
        mask=f"{name}-lungs.png", licence="CC BY-NC-SA 4.0", split="", original_filename=f"{name}.png",
        width=width, height=height,
    )  # fmt: skip
