"""The tutorial's steps on its radiographs, and what is needed to judge its figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.model_selection import StratifiedGroupKFold

from training.data.augment import Augmentation
from training.evaluate import baselines
from training.evaluate.baselines import BASELINES
from training.metrics import figures
from training.metrics.discrimination import Floats, mean, wilson
from training.metrics.figures import Json
from training.report.render import figure_text
from training.studies.tutorial_2020 import heads
from training.studies.tutorial_2020.heads import History, Pool, Settings, Tutorial
from training.studies.tutorial_2020.images import Positions, Radiographs

THRESHOLD = 0.5  # the tutorial takes the class with the greater of two scores
NAMES = ("accuracy", "sensitivity", "specificity")
READ = ("covid_validation", "normal_validation", "pneumonia_validation", "normal_test", "pneumonia_test")
ADULT_YEARS = 18
Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Trained:
    """A trained head with its scores.

    Attributes:
        settings: its hyper-parameters.
        train: positions of its training radiographs.
        positions: of its test radiographs ("test") and of each part that it read.
        tables: the same with scores.
        history: learning curves.
    """

    settings: Settings
    train: Positions
    positions: dict[str, Positions]
    tables: Tables
    history: History


@dataclass(frozen=True)
class Rerun:
    """All that was rerun for one set of hyper-parameters.

    Attributes:
        head: trained as in the tutorial.
        blind: the tables of each no-lung baseline, fitted on the same training radiographs, as `head.tables`.
        repeats: figures of the same head with other seeds, and without augmentation.
        by_patient: figures of cross-validation that keeps patients on one side, of the head and the baselines.
    """

    head: Trained
    blind: dict[str, Tables]
    repeats: list[Json]
    by_patient: dict[str, Json]


def rerun(
    radiographs: Radiographs, tutorial: Tutorial, weights: str, augmentation: Augmentation | None = None
) -> dict[str, Rerun]:
    """Train every set of hyper-parameters, and judge it.

    Returns:
        A rerun for each set, by its key.
    """
    found = {}
    for settings in tutorial.sets:
        how = augmentation or Augmentation(rotation_degrees=settings.rotation_degrees)
        pool = heads.pool_of(radiographs, settings.negative, weights, [how] * tutorial.copies, tutorial.seed)
        head = _train_and_read(radiographs, pool, settings, weights, tutorial.seed)
        found[settings.key] = Rerun(
            head,
            blind_tables(radiographs, head.train, head.positions),
            _repeat(radiographs, pool, head, weights, tutorial),
            _cross_validate(radiographs, pool, settings, tutorial),
        )
        test = figures_of_test(head.tables["test"])
        print(f"{settings.key}:", ", ".join(f"{name} {figure_text(test[name])}" for name in NAMES), flush=True)
    return found


def _train_and_read(
    radiographs: Radiographs, pool: Pool, settings: Settings, weights: str, seed: int, *, augmented: bool = True
) -> Trained:
    """Split, train and read as the tutorial does."""
    train, test = heads.split(pool, settings.test_share, seed)
    model, history = heads.fit(pool, train, test, settings, seed, augmented=augmented)
    positions = {name: radiographs.parts[name] for name in READ if len(radiographs.parts[name])}
    y_score = {name: heads.scores(model, heads.features_of(radiographs, name, weights), settings) for name in positions}
    positions["test"], y_score["test"] = pool.positions[test], heads.scores(model, pool.x[test], settings)
    tables = {name: radiographs.table(positions[name], y_score[name]) for name in positions}
    return Trained(settings, pool.positions[train], positions, tables, history)


def blind_tables(radiographs: Radiographs, train: Positions, parts: Mapping[str, Positions]) -> dict[str, Tables]:
    """Score radiographs by logistic regressions that see no lung.

    Returns:
        By baseline, the table of each part.
    """
    positions = np.concatenate([train, *parts.values()])
    split = np.where(np.arange(len(positions)) < len(train), "train", "test")
    table = radiographs.table(positions, np.zeros(len(positions))).assign(split=split)
    ends = np.cumsum([len(train), *map(len, parts.values())])[:-1]
    found = {}
    for name, images in zip(BASELINES, radiographs.blind, strict=True):
        y_score = np.split(baselines.fit(images[positions], table), ends)[1:]
        found[name] = {part: radiographs.table(parts[part], score) for part, score in zip(parts, y_score, strict=True)}
    return found


def _repeat(radiographs: Radiographs, pool: Pool, first: Trained, weights: str, tutorial: Tutorial) -> list[Json]:
    """Return the figures of a head beside those of other seeds, and of the same seed without augmentation."""
    settings, seed = first.settings, tutorial.seed
    found = {f"seed {seed}": first}
    for other in tutorial.other_seeds:
        found[f"seed {other}"] = _train_and_read(radiographs, pool, settings, weights, other)
    still = _train_and_read(radiographs, pool, settings, weights, seed, augmented=False)
    found[f"seed {seed}, without augmentation"] = still
    return [
        {
            "run": name,
            "test": figures_of_test(head.tables["test"]),
            "called": {part: count_called(head.tables[part]) for part in READ if part in head.tables},
        }
        for name, head in found.items()
    ]


def _cross_validate(radiographs: Radiographs, pool: Pool, settings: Settings, tutorial: Tutorial) -> dict[str, Json]:
    """Return the figures of cross-validation with patients on one side, of the head and of the no-lung baselines."""
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in ("network", *BASELINES)}
    splitter = StratifiedGroupKFold(tutorial.folds, shuffle=True, random_state=tutorial.seed)
    for train, test in splitter.split(pool.y, pool.y, radiographs.groups(pool.positions)):
        model, _ = heads.fit(pool, train, test, settings, tutorial.seed)
        unseen = pool.positions[test]
        tables["network"].append(radiographs.table(unseen, heads.scores(model, pool.x[test], settings)))
        for name, found in blind_tables(radiographs, pool.positions[train], {"test": unseen}).items():
            tables[name].append(found["test"])
    return {name: figures_of_test(pd.concat(each)) for name, each in tables.items()}


def figures_of_test(table: pd.DataFrame) -> Json:
    """Return accuracy, sensitivity and specificity, each {value, low, high, count, n}, and the counts."""
    found = figures.measure(table, THRESHOLD)
    right = ((table.y_score >= THRESHOLD) == (table.y_true == 1)).astype(float)
    found["accuracy"] = figures.share_positive(table.assign(y_score=right), THRESHOLD)
    cells = found["confusion"]
    hits = {
        "accuracy": (int(right.sum()), found["n"]),
        "sensitivity": (cells["true_positive"], found["positives"]),
        "specificity": (cells["true_negative"], found["negatives"]),
    }
    return found | {name: found[name] | {"count": count, "n": n} for name, (count, n) in hits.items() if found[name]}


def count_called(table: pd.DataFrame) -> int:
    """Count the radiographs that are called COVID-19."""
    return int((table.y_score >= THRESHOLD).sum())


def figures_of_part(table: pd.DataFrame) -> Json:
    """Return the share called COVID-19, and the mean and median score, each with its interval."""
    share = figures.share_positive(table, THRESHOLD) or {}
    return {
        "n": len(table),
        "patients": int(table.patient_id.nunique()),
        "share": {**share, "count": count_called(table), "n": len(table)},
        "mean": figures.figure(table.y_true, table.y_score, table.group, mean),
        "median": figures.figure(table.y_true, table.y_score, table.group, median),
    }


def published_test(counts: Sequence[int]) -> dict[str, Json]:
    """Return the figures of a confusion matrix, with Wilson's intervals over radiographs.

    Args:
        counts: true positives, false negatives, false positives, true negatives.
    """
    found, missed, wrong, spared = counts
    return {
        "accuracy": published_share(found + spared, sum(counts)),
        "sensitivity": published_share(found, found + missed),
        "specificity": published_share(spared, wrong + spared),
    }


def published_share(count: int, n: int) -> Json:
    """Return the share that the tutorial's counts give, with Wilson's interval over radiographs."""
    return {"count": count, "n": n, "value": count / n, **wilson(count, n)._asdict()}


def median(_: ArrayLike, y_score: ArrayLike, *, weight: ArrayLike | None = None) -> float | Floats:
    """Return the median score: the mean of the lower and the upper one; weights as `mean`."""
    score = np.asarray(y_score, np.float64)
    weights = np.ones(len(score)) if weight is None else np.asarray(weight, np.float64)
    order = np.argsort(score)
    below = np.cumsum(weights[..., order], axis=-1)
    half = below[..., -1:] / 2
    lower, upper = (below >= half).argmax(axis=-1), (below > half).argmax(axis=-1)
    return np.asarray((score[order][lower] + score[order][upper]) / 2)


def count_known(radiographs: Radiographs, trained: Positions, tested: Positions) -> Json:
    """Count the tested radiographs that training knows: the same one, or another of its patient.

    Returns:
        n, patients; same_film, same_patient (near-copies too) and same_patient_covid: numbers of tested radiographs.
    """
    known = np.isin(radiographs.groups(tested), radiographs.groups(trained))
    rows = radiographs.rows(tested)
    covid = np.array([row.label == "covid" for row in rows], bool)
    return {
        "n": len(tested),
        "patients": len({row.patient_id for row in rows}),
        "same_film": int(np.isin(tested, trained).sum()),
        "same_patient": int(known.sum()),
        "same_patient_covid": int((known & covid).sum()),
    }


def ages(radiographs: Radiographs, part: str) -> Json:
    """Return for how many radiographs of a part the age is stated, how many are adults', and their median age."""
    rows = radiographs.rows(radiographs.parts[part])
    years = np.array([float(row.age_years) for row in rows if row.age_years.replace(".", "").isdigit()])
    return {
        "n": len(rows),
        "stated": len(years),
        "adults": int((years >= ADULT_YEARS).sum()),
        "median_years": float(np.median(years)) if len(years) else None,
    }
