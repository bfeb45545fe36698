"""Train the screen that refuses and warns: `python -m training.screen`.

Small heads on the backbone's features answer whether a picture is a frontal chest film, a child's, upside down,
or marked over the lungs; the distance from the training films says how unfamiliar it is. Writes runs/screen/:
config.json, screen.npz and report.json, which `training.export screen` reads. Every share in the report is of
pictures that the head behind it has not seen: of the test split, or, where all pictures of a kind are needed to
learn from, of five folds over patients.
"""

import argparse
import csv
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_sample_images
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from training import features, run
from training.calibrate import expit
from training.config import CONFIGS, RUNS, data_root, load
from training.contrast import Linear
from training.dataset import LUNG_NETWORK, crops
from training.figures import Json
from training.manifest import MANIFEST, Row, root
from training.metrics import Floats, wilson
from xray import gate, image, lungs
from xray.classifier import average
from xray.errors import ManifestError, NotAChestXrayError
from xray.image import GreyImage
from xray.preprocess import Recipe, preprocess
from xray.runtime import Network
from xray.screen import CHECKS, NOT_FRONTAL, Caution

CACHE = RUNS / "features"
NOT_CHEST = ("not_frontal", "ct", "brain_mri")
FOLDS = 5
PHOTOGRAPH_PX = 200


@dataclass(frozen=True)
class ScreenConfig:
    """Choices of this step; see configs/screen.toml.

    Attributes:
        films: train films that are turned, marked and halved to learn from.
        components: principal components in which the distance is measured.
        regularisation: C of the logistic regressions.
        refused: share of frontal films that the screen may refuse; sets its threshold.
        warned: share of films that each caution may be given to by mistake; sets its threshold.
        seed: of everything random.
        recipe: of the backbone.
    """

    films: int
    components: int
    regularisation: float
    refused: float
    warned: float
    seed: int
    recipe: Recipe


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that is no radiograph of the manifest.

    Attributes:
        kind: what it is, in words.
        group: what must stay in one fold: a patient or a photograph.
        read: gives it, grey, uint8, shape (height, width).
    """

    kind: str
    group: str
    read: Callable[[], GreyImage]


@dataclass(frozen=True, eq=False)
class Seen:
    """What serving makes of pictures: averaged features, and whether the gate lets them as far as the screen."""

    pictures: list[Picture]
    inputs: NDArray[np.float32]
    admitted: NDArray[np.bool_]

    @property
    def groups(self) -> NDArray[np.str_]:
        """The group of each picture."""
        return np.array([picture.group for picture in self.pictures])

    def of(self, *kinds: str) -> NDArray[np.intp]:
        """Return the positions of some kinds."""
        return np.flatnonzero([picture.kind in kinds for picture in self.pictures])


def strangers(folder: Path) -> list[Picture]:
    """Return what is no frontal chest film: the publisher's slices and lateral films, photographs, drawings.

    Args:
        folder: the data root, with the publisher's manifest.csv.

    Raises:
        ManifestError: no such table.
    """
    path = folder / "manifest.csv"
    if not path.is_file():
        raise ManifestError(f"Expected a manifest.csv in {folder}. Received: none. Set XRAY_DATA to its folder.")
    found = []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["label"] in NOT_CHEST:
                kind = "lateral" if row["view"] == "L" else row["label"].replace("not_frontal", "other view")
                found.append(Picture(kind, row["patient_id"] or row["path"], _reader(folder / row["path"])))
    return found + _photographs() + _drawings()


def _reader(path: Path) -> Callable[[], GreyImage]:
    return lambda: image.read(path.read_bytes())


def _photographs() -> list[Picture]:
    """Return windows of scikit-learn's photographs, grey."""
    bunch = load_sample_images()
    found = []
    for name, colour in zip(bunch.filenames, bunch.images, strict=True):
        grey = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
        for top in range(0, grey.shape[0] - PHOTOGRAPH_PX, 60):
            for left in range(0, grey.shape[1] - PHOTOGRAPH_PX, 100):
                window = grey[top : top + PHOTOGRAPH_PX, left : left + PHOTOGRAPH_PX]
                found.append(Picture("photograph", Path(name).stem, lambda window=window: window))
    return found


def _drawings() -> list[Picture]:
    """Return pages of text, noise and gradients."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(20):
        page = np.full((400, 300), 255, np.uint8)
        for line in range(30, 390, 18):
            words = "".join(rng.choice(list("abcdefghiklmnoprstu  "), 24))
            cv2.putText(page, words, (20, line), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 0, 1, cv2.LINE_AA)
        noise = rng.integers(0, 256, (300, 300), dtype=np.uint8)
        slope = np.tile(np.linspace(0, 255, 300), (300, 1)) * rng.uniform(0.3, 1.0)
        for kind, picture in (("text page", page), ("noise", noise), ("gradient", slope.astype(np.uint8))):
            found.append(Picture(kind, f"{kind} {number}", lambda picture=picture: picture))
    return found


def marked(film: GreyImage, rng: np.random.Generator) -> GreyImage:
    """Burn an arrow or a word into the middle of a film, white or black, at a random place."""
    height, width = film.shape
    side = min(height, width)
    at = (int(rng.uniform(0.2, 0.8) * width), int(rng.uniform(0.25, 0.7) * height))
    ink = 255 if rng.random() < 0.8 else 0
    thickness = max(1, round(side * rng.uniform(0.004, 0.014)))
    drawn = film.copy()
    if rng.random() < 0.6:
        reach = rng.uniform(0.06, 0.15) * side * np.exp(1j * rng.uniform(0, 2 * np.pi))
        tail = (at[0] + round(reach.real), at[1] + round(reach.imag))
        return np.asarray(cv2.arrowedLine(drawn, tail, at, ink, thickness, cv2.LINE_AA, tipLength=0.35), np.uint8)
    word = str(rng.choice(["A", "L", "R", "B)", "PA", "AP", "SUPINE", "Day 4"]))
    size = side / 300 * rng.uniform(0.6, 1.6)
    return np.asarray(
        cv2.putText(drawn, word, at, cv2.FONT_HERSHEY_SIMPLEX, size, ink, thickness, cv2.LINE_AA), np.uint8
    )


def altered(rows: Sequence[Row], folder: Path, seed: int) -> list[Picture]:
    """Return films as they came, upside down, marked over the lungs, and cut in half."""
    found = []
    for number, row in enumerate(rows):
        read = _reader(folder / row.path)
        how: dict[str, Callable[[GreyImage, np.random.Generator], GreyImage]] = {
            "as it came": lambda film, _: film,
            "upside down": lambda film, _: np.ascontiguousarray(film[::-1, ::-1]),
            "marked": marked,
            "half": lambda film, rng: (
                film[:, : film.shape[1] // 2] if rng.random() < 0.5 else film[:, film.shape[1] // 2 :]
            ),
        }
        for kind, change in how.items():
            rng = np.random.default_rng((seed, number))
            found.append(Picture(kind, row.group, lambda read=read, change=change, rng=rng: change(read(), rng)))
    return found


def see(pictures: list[Picture], recipe: Recipe, key: str) -> Seen:
    """Compute what serving computes of each picture, cached under a key."""
    segmenter = Network(LUNG_NETWORK, pool_size=2, threads=1)
    network, digest = features.backbone("cxr", recipe)
    name = hashlib.sha256(repr((key, digest, len(pictures))).encode()).hexdigest()[:16]
    path = CACHE / f"screen-{name}.npz"

    def one(picture: Picture) -> tuple[NDArray[np.float32], bool]:
        grey = picture.read()
        mask = lungs.segment(grey, segmenter)
        try:
            gate.check(mask)
            admitted = True
        except NotAChestXrayError:
            admitted = False
        return average(network(preprocess(grey, mask, recipe)[None])[0]), admitted

    if not path.exists():
        with ThreadPoolExecutor(2) as pool:
            done = list(tqdm(pool.map(one, pictures), total=len(pictures), desc=key, disable=None))
        CACHE.mkdir(parents=True, exist_ok=True)
        inputs, admitted = zip(*done, strict=True)
        np.savez(path, inputs=np.stack(inputs), admitted=np.array(admitted))
    with np.load(path) as kept:
        return Seen(pictures, kept["inputs"], kept["admitted"])


def fit(inputs: NDArray[np.float32], y_true: NDArray[np.int64], regularisation: float) -> Linear:
    """Fit a logistic regression on standardised features, both answers counting the same."""
    scaler = StandardScaler().fit(inputs)
    model = LogisticRegression(C=regularisation, max_iter=5000, class_weight="balanced")
    model.fit(scaler.transform(inputs), y_true)
    kernel = model.coef_[0] / scaler.scale_
    return Linear(kernel, float(model.intercept_[0] - scaler.mean_ @ kernel))


def out_of_fold(
    inputs: NDArray[np.float32], y_true: NDArray[np.int64], groups: NDArray[np.str_], regularisation: float
) -> Floats:
    """Return the share for "yes" of each picture, given by a head that has not seen its group."""
    scores = np.empty(len(y_true))
    for seen, unseen in GroupKFold(FOLDS).split(inputs, y_true, groups):
        scores[unseen] = expit(fit(inputs[seen], y_true[seen], regularisation).logits(inputs[unseen]))
    return scores


def distance(inputs: NDArray[np.float32], components: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the centre of the training films, and their principal components over their deviations."""
    centre = inputs.mean(axis=0)
    _, singular, directions = np.linalg.svd(inputs - centre, full_matrices=False)
    deviations = singular[:components] / np.sqrt(len(inputs))
    return centre, (directions[:components] / deviations[:, None]).T


def shares(flags: NDArray[np.bool_], kinds: NDArray[np.str_]) -> Json:
    """Return, for each kind, how many of how many were flagged, with Wilson's interval of the share."""
    return {
        str(kind): {
            "flagged": int(flags[kinds == kind].sum()),
            "n": int((kinds == kind).sum()),
            **wilson(float(flags[kinds == kind].sum()), float((kinds == kind).sum()))._asdict(),
        }
        for kind in np.unique(kinds)
    }


def train(config: ScreenConfig, manifest: Path, folder: Path) -> None:
    """Train the screen and write its run."""
    data = crops(manifest, config.recipe)
    inputs = features.averages(data, config.recipe)
    split = np.array([row.split for row in data.rows])
    source = np.array([row.source for row in data.rows])
    group = np.array([row.group for row in data.rows])
    train_rows, val, test = (np.flatnonzero(split == name) for name in ("train", "val", "test"))
    rng = np.random.default_rng(config.seed)
    chosen = rng.choice(train_rows, min(config.films, len(train_rows)), replace=False)
    others = see(strangers(data_root()), config.recipe, "strangers")
    films = see(altered([data.rows[i] for i in chosen], root(manifest), config.seed), config.recipe, "altered films")
    halves = films.of("half")
    strange = np.concatenate([others.inputs, films.inputs[halves]])
    strange_groups = np.concatenate([others.groups, films.groups[halves]])
    strange_kinds = np.array([picture.kind for picture in others.pictures] + ["half"] * len(halves))
    stopped = ~np.concatenate([others.admitted, films.admitted[halves]])

    def frontal(kept: NDArray[np.intp]) -> tuple[Linear, float, Floats]:
        """Fit the head that refuses on these films; its threshold; what it says of strangers in other folds."""
        both = np.concatenate([inputs[kept], strange])
        y_true = np.repeat([0, 1], [len(kept), len(strange)])
        unseen = out_of_fold(both, y_true, np.concatenate([group[kept], strange_groups]), config.regularisation)
        head = fit(both, y_true, config.regularisation)
        return head, float(np.quantile(unseen[: len(kept)], 1 - config.refused)), unseen[len(kept) :]

    head, threshold, unseen = frontal(np.concatenate([train_rows, val]))
    heads, thresholds = [head], [threshold]
    left_out = {}
    for name in np.unique(source):
        other, limit, _ = frontal(np.flatnonzero((split != "test") & (split != "held_out") & (source != name)))
        here = test[source[test] == name]
        left_out[str(name)] = shares(expit(other.logits(inputs[here])) >= limit, source[here])[str(name)]
    report: Json = {
        NOT_FRONTAL: {
            "refused by the gate or the screen": shares(stopped | (unseen >= threshold), strange_kinds),
            "refused by the screen alone": shares(unseen >= threshold, strange_kinds),
            "frontal test films refused by the screen": shares(
                expit(head.logits(inputs[test])) >= threshold, source[test]
            ),
            "the same, their source left out of its training": left_out,
        }
    }
    learn = np.concatenate([train_rows, val])
    plain = films.of("as it came")
    for name, kind in ((Caution.CHILD, None), (Caution.UPSIDE_DOWN, "upside down"), (Caution.MARKS, "marked")):
        if kind is None:
            x, y_true, groups = inputs[learn], (source[learn] == "kermany").astype(np.int64), group[learn]
        else:
            changed = films.of(kind)
            x = np.concatenate([films.inputs[plain], films.inputs[changed]])
            y_true = np.repeat([0, 1], [len(plain), len(changed)])
            groups = np.concatenate([films.groups[plain], films.groups[changed]])
        unseen = out_of_fold(x, y_true, groups, config.regularisation)
        head = fit(x, y_true, config.regularisation)
        limit = float(np.quantile(unseen[y_true == 0], 1 - config.warned))
        heads.append(head)
        thresholds.append(limit)
        asked = expit(head.logits(inputs[test])) >= limit
        report[name] = {
            "found, other folds": shares(unseen[y_true == 1] >= limit, np.full(int(y_true.sum()), kind or "child")),
            "test films given the caution": shares(asked, source[test]),
        }
    centre, whitening = distance(inputs[train_rows], config.components)

    def far(features_of: NDArray[np.float32]) -> Floats:
        return np.asarray(np.sqrt(np.square((features_of - centre) @ whitening).mean(axis=1)), np.float64)

    thresholds.append(float(np.quantile(far(inputs[val]), 1 - config.warned)))
    report[Caution.UNFAMILIAR] = {
        "test films given the caution": shares(far(inputs[test]) >= thresholds[-1], source[test]),
        "strangers given the caution": shares(far(strange) >= thresholds[-1], strange_kinds),
    }
    folder.mkdir(parents=True, exist_ok=True)
    run.write_json(folder / "config.json", run.describe(config, manifest))
    checks = [{"name": str(name), "threshold": limit} for name, limit in zip(CHECKS, thresholds, strict=True)]
    run.write_json(folder / "report.json", {"checks": checks, "figures": report})
    arrays = {
        "kernel": np.stack([each.kernel for each in heads], axis=1),
        "bias": np.array([each.bias for each in heads]),
        "centre": centre,
        "whitening": whitening,
    }
    run.write_arrays(folder / "screen.npz", {name: array.astype(np.float32) for name, array in arrays.items()})
    for name, figures in report.items():
        for what, kinds in figures.items():
            said = ", ".join(f"{kind} {each['flagged']}/{each['n']}" for kind, each in kinds.items())
            print(f"{name}: {what}: {said}")


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=CONFIGS / "screen.toml")
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--run", type=Path, default=RUNS / "screen", help="folder of the run")
    args = parser.parse_args()
    train(load(args.config, ScreenConfig), args.manifest, args.run)


if __name__ == "__main__":
    main()
