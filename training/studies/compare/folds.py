"""Score backbones on the same films and folds: patients apart, thresholds from films that are not judged."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import cache, partial
from pathlib import Path
from time import perf_counter

import keras
import numpy as np
from numpy.typing import NDArray

from training import run
from training.data.crops import crops
from training.evaluate import baselines
from training.fit.features import served
from training.fit.linear import Linear, fit_linear
from training.metrics.discrimination import Floats, expit
from training.metrics.figures import Json
from training.metrics.thresholds import operating_point
from training.studies.compare.architectures import IMAGENET, OURS, RANDOM, backbone
from training.studies.compare.fine_tune import Maps, Tuning, fine_tune, maps, tail
from training.studies.compare.images import Choice, Sample, drawn_from, parted, weight
from xray.networks.preprocess import Recipe
from xray.registry import BACKBONE

VAL_FOLDS = 4  # one of them finds the threshold and the epoch
FROZEN, TUNED = "frozen", "fine-tuned"
# How a fold is learnt: positions that teach, that choose, and all logits wanted; what else is to be told.
Learner = Callable[[NDArray[np.intp], NDArray[np.intp]], tuple[Floats, Json]]


@dataclass(frozen=True)
class Entry:
    """A backbone that is compared.

    Attributes:
        backbone: of `backbones.ARCHITECTURES`.
        weights: see `backbones.CHOICES`.
        size: side of its input in pixels: the one its weights were trained at.
        recipes: crops that it is shown.
        tuned: whether it is fine-tuned as well.
    """

    backbone: str
    weights: str
    size: int
    recipes: tuple[str, ...]
    tuned: bool = False


@dataclass(frozen=True)
class CompareConfig:
    """Choices of this step; see configs/compare.toml."""

    films: Choice
    regularisation: float
    tuning: Tuning
    entries: tuple[Entry, ...]


def cross_validated(films: Sample, choice: Choice, folder: Path, prepare: Callable[[], Learner]) -> Json:
    """Judge each film by what has not seen its patient; folds that are done are read.

    Args:
        films: with their folds.
        choice: gives seed and folds.
        folder: of these folds; its name holds the hash of all that they depend on.
        prepare: called where a fold is to be done: gives what learns.

    Returns:
        `margin`: each film's logit above its fold's threshold; `seconds` and what the learner tells, of each fold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    learn, margin, told = None, np.empty(len(films.rows)), []
    for number in range(choice.folds):
        path = folder / f"fold_{number}.json"
        unseen = np.flatnonzero(films.folds == number)
        if not path.exists():
            learn = learn or prepare()
            run.write_json(path, _fold(films, choice, number, learn))
        found = json.loads(path.read_text(encoding="utf-8"))
        margin[unseen] = found.pop("margin")
        told.append(found)
    return {"margin": margin, "folds": told}


def _fold(films: Sample, choice: Choice, number: int, learn: Learner) -> Json:
    began = perf_counter()
    seen, unseen = np.flatnonzero(films.folds != number), np.flatnonzero(films.folds == number)
    rows = [films.rows[i] for i in seen]
    train, val = (seen[part] for part in parted(rows, films.y_true[seen], VAL_FOLDS, choice.seed)[0])
    keras.utils.set_random_seed(choice.seed + number)
    logits, told = learn(train, val)
    threshold = operating_point(films.y_true[val], expit(logits[val]), weight(films, val)).threshold
    margin = logits[unseen] - np.log(threshold / (1 - threshold))
    return {"margin": margin.tolist(), "threshold": threshold, "seconds": perf_counter() - began, **told}


def head(films: Sample, inputs: NDArray[np.float32], train: NDArray[np.intp], regularisation: float) -> Linear:
    """Fit the first phase: a logistic regression on what is given, shape (n, any)."""
    return fit_linear(inputs[train], films.y_true[train], weight(films, train), regularisation)


def frozen(films: Sample, inputs: NDArray[np.float32], regularisation: float) -> Learner:
    """Return the first phase alone."""
    return lambda train, _: (head(films, inputs, train, regularisation).logits(inputs), {})


def tuned(films: Sample, config: CompareConfig, entry: Entry, base: keras.Model, below: Maps, inputs: Maps) -> Learner:
    """Return both phases: every fold starts from the weights as they came."""
    came, share = base.get_weights(), config.tuning.share

    def learn(train: NDArray[np.intp], val: NDArray[np.intp]) -> tuple[Floats, Json]:
        base.set_weights(came)
        model = tail(base, share, fresh=entry.weights == RANDOM)
        parts = [(below[part], films.y_true[part], weight(films, part)) for part in (train, val)]
        kept = fine_tune(model, head(films, inputs, train, config.regularisation), *parts, config.tuning)
        logits = np.full(len(films.rows), np.nan)
        others = np.setdiff1d(np.arange(len(logits)), train)
        logits[others] = model.predict(below[others], batch_size=64, verbose=0)[:, 0]
        return logits, {"kept_epoch": kept}

    return learn


def network(entry: Entry, seed: int) -> keras.Model:
    """Build an entry's backbone; random weights are the same every time."""
    keras.utils.set_random_seed(seed)
    return backbone(entry.backbone, entry.weights, entry.size)


def scored(films: Sample, config: CompareConfig, entry: Entry, recipe: str, manifest: Path, folder: Path) -> list[Json]:
    """Judge one backbone on one crop, frozen and, where wanted, fine-tuned."""

    @cache
    def seen() -> tuple[keras.Model, list[Maps]]:
        base = network(entry, config.films.seed)
        pictures = crops(manifest, Recipe(recipe, entry.size), films.rows).pictures
        return base, maps(base, (0, config.tuning.share) if entry.tuned else (0,), pictures)

    def prepare(how: str) -> Learner:
        base, (inputs, *below) = seen()
        if how == TUNED:
            return tuned(films, config, entry, base, below[0], inputs)
        return frozen(films, inputs, config.regularisation)

    found = []
    for how in (FROZEN, TUNED) if entry.tuned else (FROZEN,):
        named = f"{entry.backbone}-{Path(entry.weights).name}-{recipe}-{how}"
        chosen = astuple(config.tuning) if how == TUNED else ()
        depends = (identity(films, config), entry.backbone, weights_hash(entry.weights), entry.size, recipe, chosen)
        judged = cross_validated(films, config.films, _folds(folder, named, depends), partial(prepare, how))
        about = {"backbone": entry.backbone, "weights": entry.weights, "size": entry.size, "recipe": recipe}
        found.append({**about, "tuning": how, **judged})
    return found


def blind(films: Sample, config: CompareConfig, manifest: Path, folder: Path) -> list[Json]:
    """Judge the predictors that see no lung, on the same films and folds."""

    def prepare(number: int) -> Learner:
        small = baselines.thumbnails(manifest)[1][number][films.places]
        inputs = small.reshape(len(small), -1).astype(np.float32) / 255
        return frozen(films, inputs, baselines.REGULARISATION)

    found = []
    for number, (name, words) in enumerate(baselines.BASELINES.items()):
        depends = (identity(films, config), name, baselines.REGULARISATION)
        judged = cross_validated(films, config.films, _folds(folder, name, depends), partial(prepare, number))
        found.append({"name": words, **judged})
    return found


def identity(films: Sample, config: CompareConfig) -> tuple[object, ...]:
    """Return what every fold depends on."""
    return (*drawn_from(films), config.films.seed, config.regularisation)


def weights_hash(weights: str) -> str:
    """Return the name of weights, or the sha256 of their file."""
    if weights in (IMAGENET, RANDOM):
        return weights
    path = served(BACKBONE) if weights == OURS else Path(weights)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else weights


def _folds(folder: Path, named: str, depends: object) -> Path:
    return folder / "folds" / f"{named}-{hashlib.sha256(repr(depends).encode()).hexdigest()[:12]}"
