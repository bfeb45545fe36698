"""Folds by patient, and the scores of backbones on them.

A threshold comes from radiographs that are not judged. A fold that is done is not done again.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import cache, partial
from pathlib import Path
from time import perf_counter

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.model_selection import StratifiedGroupKFold

from training import run
from training.data.crops import crops, draw_weights
from training.data.manifest import Row, read
from training.data.splits import sample
from training.evaluate import baselines
from training.fit.features import served
from training.fit.linear import Linear, fit_linear
from training.metrics.calibration import youden_threshold
from training.metrics.discrimination import Floats
from training.metrics.figures import Json
from training.studies.backbones import IMAGENET, OURS, RANDOM, Maps, Tuning, backbone, fine_tune, maps, tail
from xray.errors import DatasetError
from xray.networks.preprocess import Recipe
from xray.registry import BACKBONE

VAL_FOLDS = 4  # one of them finds the threshold and the epoch
FROZEN, TUNED = "frozen", "fine-tuned"
DRAW_SEED = 0  # of the radiographs that are drawn, whatever the seed of the folds
Positions = NDArray[np.intp]
# Learns a fold: from positions to train on and positions to validate on, to all logits and what else is to be told.
Learner = Callable[[Positions, Positions], tuple[Floats, Json]]


@dataclass(frozen=True)
class Choice:
    """Which radiographs, and how they are split.

    Attributes:
        negative: labels.
        positive: labels against them.
        splits: of the manifest; leave out what a backbone has learned from.
        at_most: radiographs of each class and source.
        folds: with patients and near-copies together.
        seed: of everything random.
    """

    negative: tuple[str, ...]
    positive: tuple[str, ...]
    splits: tuple[str, ...]
    at_most: int
    folds: int
    seed: int


@dataclass(frozen=True)
class Entry:
    """A backbone that is compared.

    Attributes:
        backbone: of `backbones.ARCHITECTURES`.
        weights: as `backbones.backbone` takes them.
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

    @property
    def recipe(self) -> Recipe:
        """The first crop that is needed."""
        return Recipe(self.entries[0].recipes[0], self.entries[0].size)


@dataclass(frozen=True, eq=False)
class Sample:
    """The radiographs on which everything is compared.

    Attributes:
        rows: of the manifest.
        y_true: 1 for the positive labels, shape (n,).
        folds: the fold in which each is judged, shape (n,).
    """

    rows: list[Row]
    y_true: NDArray[np.int64]
    folds: Positions

    def column(self, name: str) -> NDArray[np.str_]:
        """Return a column of the manifest."""
        return np.array([str(getattr(row, name)) for row in self.rows])

    def weight(self, chosen: Positions) -> Floats:
        """Return the sample weights of some: classes equal, sources of a class nearly so; mean 1."""
        rows = [self.rows[i] for i in chosen]
        return draw_weights([str(y) for y in self.y_true[chosen]], [row.source for row in rows]) * len(rows)

    def identity(self) -> tuple[object, ...]:
        """Return what a cached result depends on: the hashes, classes and folds of all radiographs."""
        return [row.sha256 for row in self.rows], self.y_true.tolist(), self.folds.tolist()


def draw(manifest: Path, choice: Choice, recipe: Recipe) -> Sample:
    """Draw radiographs, and split them into folds with patients and near-copies together.

    Args:
        manifest: to draw from.
        choice: which, and into how many folds.
        recipe: of a crop that is needed anyway: radiographs that serving refuses have none, and are left out.

    Raises:
        DatasetError: a class has fewer patients than the folds need.
    """
    wanted = [row for row in read(manifest, choice.negative + choice.positive) if row.split in choice.splits]
    rows = crops(manifest, recipe, sample(wanted, choice.at_most, DRAW_SEED)).rows if wanted else []
    y_true = np.array([int(row.label in choice.positive) for row in rows])
    for side, names in enumerate((choice.negative, choice.positive)):
        held = len({row.group for row, y in zip(rows, y_true, strict=True) if y == side})
        if held < 2 * choice.folds:
            raise DatasetError(
                f"Expected at least {2 * choice.folds} patients of {' or '.join(names)} for {choice.folds} folds, in "
                f"the splits {', '.join(choice.splits)}. Received: {held}."
            )
    folds = np.empty(len(rows), np.intp)
    for number, (_, unseen) in enumerate(_split(rows, y_true, choice.folds, choice.seed)):
        folds[unseen] = number
    return Sample(rows, y_true, folds)


def _split(rows: Sequence[Row], y_true: NDArray[np.int64], folds: int, seed: int) -> list[tuple[Positions, Positions]]:
    """Return the positions of the rest and of the fold, for each fold.

    Each fold has its share of each class and source where they allow it. Of cells smaller than the number of folds,
    radiographs are dealt out with their class's largest cell; of few radiographs, fewer folds are made.
    """
    cells = np.array([f"{y} {row.source}" for y, row in zip(y_true, rows, strict=True)])
    names, sizes = np.unique(cells, return_counts=True)
    for name in names[sizes < folds]:
        own = [i for i, each in enumerate(names) if each[0] == name[0]]
        cells[cells == name] = names[max(own, key=sizes.__getitem__)]
    folds = min(folds, *np.unique(cells, return_counts=True)[1])
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(cells, cells, [row.group for row in rows]))


def remembered(path: Path, compute: Callable[[], Json]) -> Json:
    """Return a JSON file's content, computed and written first where it is missing.

    Args:
        path: its name holds the hash of all that the content depends on.
        compute: gives the content.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        run.write_json(path, compute())
    found: Json = json.loads(path.read_text(encoding="utf-8"))
    return found


def cross_validate(drawn: Sample, choice: Choice, folder: Path, prepare: Callable[[], Learner]) -> Json:
    """Judge each radiograph by a network that has not seen its patient.

    Args:
        drawn: with their folds.
        choice: gives seed and folds.
        folder: of these folds; its name holds the hash of all that they depend on.
        prepare: gives the learner; called where a fold is to be done.

    Returns:
        `margin`: each logit above its fold's threshold; `folds`: seconds and what the learner tells of each.
    """
    learner, margin, told = cache(prepare), np.empty(len(drawn.rows)), []
    for number in range(choice.folds):
        found = remembered(folder / f"fold_{number}.json", partial(_fold, drawn, choice, number, learner))
        margin[drawn.folds == number] = found.pop("margin")
        told.append(found)
    return {"margin": margin, "folds": told}


def _fold(drawn: Sample, choice: Choice, number: int, learner: Callable[[], Learner]) -> Json:
    began = perf_counter()
    seen, unseen = np.flatnonzero(drawn.folds != number), np.flatnonzero(drawn.folds == number)
    rows = [drawn.rows[i] for i in seen]
    train, val = (seen[part] for part in _split(rows, drawn.y_true[seen], VAL_FOLDS, choice.seed)[0])
    keras.utils.set_random_seed(choice.seed + number)
    logits, told = learner()(train, val)
    threshold = youden_threshold(drawn.y_true[val], expit(logits[val]), drawn.weight(val))
    margin = logits[unseen] - np.log(threshold / (1 - threshold))
    return {"margin": margin.tolist(), "threshold": threshold, "seconds": perf_counter() - began, **told}


def head(drawn: Sample, inputs: NDArray[np.float32], train: Positions, regularisation: float) -> Linear:
    """Fit a logistic regression on inputs of shape (n, any): the first phase."""
    return fit_linear(inputs[train], drawn.y_true[train], drawn.weight(train), regularisation)


def _frozen(drawn: Sample, inputs: NDArray[np.float32], regularisation: float) -> Learner:
    """Return the learner of the first phase alone; arguments as `head`."""
    return lambda train, _: (head(drawn, inputs, train, regularisation).logits(inputs), {})


def _tuned(drawn: Sample, config: CompareConfig, entry: Entry, base: keras.Model, below: Maps, inputs: Maps) -> Learner:
    """Return the learner of both phases: every fold starts from the weights as they came."""
    came, share = base.get_weights(), config.tuning.share

    def learn(train: Positions, val: Positions) -> tuple[Floats, Json]:
        base.set_weights(came)
        model = tail(base, share, fresh=entry.weights == RANDOM)
        seen, unseen = ((below[part], drawn.y_true[part], drawn.weight(part)) for part in (train, val))
        kept = fine_tune(model, head(drawn, inputs, train, config.regularisation), seen, unseen, config.tuning)
        logits = np.full(len(drawn.rows), np.nan)
        others = np.setdiff1d(np.arange(len(logits)), train)
        logits[others] = model.predict(below[others], batch_size=64, verbose=0)[:, 0]
        return logits, {"kept_epoch": kept}

    return learn


def network(entry: Entry, seed: int) -> keras.Model:
    """Build an entry's backbone; random weights follow from the seed."""
    keras.utils.set_random_seed(seed)
    return backbone(entry.backbone, entry.weights, entry.size)


def judge(drawn: Sample, config: CompareConfig, entry: Entry, recipe: str, manifest: Path, folder: Path) -> list[Json]:
    """Judge one backbone on one crop, frozen and, where wanted, fine-tuned."""

    @cache
    def seen() -> tuple[keras.Model, list[Maps]]:
        base = network(entry, config.films.seed)
        images = crops(manifest, Recipe(recipe, entry.size), drawn.rows).images
        return base, maps(base, (0, config.tuning.share) if entry.tuned else (0,), images)

    def learner(how: str) -> Learner:
        base, (inputs, *below) = seen()
        if how == TUNED:
            return _tuned(drawn, config, entry, base, below[0], inputs)
        return _frozen(drawn, inputs, config.regularisation)

    about = {"backbone": entry.backbone, "weights": entry.weights, "size": entry.size, "recipe": recipe}
    found = []
    for how in (FROZEN, TUNED) if entry.tuned else (FROZEN,):
        tuning = astuple(config.tuning) if how == TUNED else ()
        depends = (entry.backbone, weights_hash(entry.weights), entry.size, recipe, tuning)
        home = _home(folder, f"{entry.backbone}-{Path(entry.weights).name}-{recipe}-{how}", drawn, config, depends)
        found.append({**about, "tuning": how, **cross_validate(drawn, config.films, home, partial(learner, how))})
    return found


def judge_blind(drawn: Sample, config: CompareConfig, manifest: Path, folder: Path) -> list[Json]:
    """Judge the no-lung baselines on the same radiographs and folds; arguments as `judge`."""

    def learner(number: int) -> Learner:
        return _frozen(drawn, blind_inputs(drawn, manifest)[number], baselines.REGULARISATION)

    found = []
    for number, (name, words) in enumerate(baselines.BASELINES.items()):
        home = _home(folder, name, drawn, config, (name, baselines.REGULARISATION))
        found.append({"name": words, **cross_validate(drawn, config.films, home, partial(learner, number))})
    return found


def blind_inputs(drawn: Sample, manifest: Path) -> NDArray[np.float32]:
    """Return what the no-lung baselines see, float32, shape (baselines, n, pixels), values 0 to 1."""
    small = baselines.thumbnails(manifest, drawn.rows)[1]
    return np.asarray(small.reshape(*small.shape[:2], -1) / np.float32(255), np.float32)


def weights_hash(weights: str) -> str:
    """Return the name of weights, or the sha256 of their file."""
    if weights in (IMAGENET, RANDOM):
        return weights
    path = served(BACKBONE) if weights == OURS else Path(weights)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else weights


def _home(folder: Path, name: str, drawn: Sample, config: CompareConfig, depends: object) -> Path:
    """Return the folder of some folds, by name and the hash of what they depend on."""
    known = (drawn.identity(), config.films.seed, config.regularisation, depends)
    return folder / "folds" / f"{name}-{hashlib.sha256(repr(known).encode()).hexdigest()[:12]}"
