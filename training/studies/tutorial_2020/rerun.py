"""The steps of the tutorial on its films: split, train, read; then what is needed to judge its figures."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.evaluate.baselines import BASELINES
from training.metrics.figures import Json
from training.studies.tutorial_2020 import figures, flaws
from training.studies.tutorial_2020 import head as articles_head
from training.studies.tutorial_2020.head import History, Pool
from training.studies.tutorial_2020.images import Films
from training.studies.tutorial_2020.plan import Settings, Tutorial

READ = ("covid_validation", "normal_validation", "pneumonia_validation", "normal_test", "pneumonia_test")


@dataclass(frozen=True)
class Trained:
    """One head, and what it made of the films.

    Attributes:
        settings: its hyper-parameters.
        train: positions of its training films.
        tested: positions of its test films.
        test: their table of scores.
        parts: the table of each part that it read.
        history: loss and accuracy of both, for each epoch.
        blind: for each predictor that sees no lung, the tables of the test films ("test") and of each part.
    """

    settings: Settings
    train: NDArray[np.intp]
    tested: NDArray[np.intp]
    test: pd.DataFrame
    parts: dict[str, pd.DataFrame]
    history: History
    blind: dict[str, dict[str, pd.DataFrame]]


def trained(films: Films, pool: Pool, settings: Settings, weights: str, seed: int, *, turned: bool = True) -> Trained:
    """Split, train and read as the tutorial does, without predictors that see no lung."""
    train, test = articles_head.split(pool, settings.test_share, seed)
    model, history = articles_head.fit(pool, train, test, settings, seed, turned=turned)
    parts = {
        name: films.table(
            films.parts[name], articles_head.scores(model, articles_head.still(films, name, weights), settings)
        )
        for name in READ
        if len(films.parts[name])
    }
    table = films.table(pool.positions[test], articles_head.scores(model, pool.x[test], settings))
    return Trained(settings, pool.positions[train], pool.positions[test], table, parts, history, {})


def with_blind(films: Films, pool: Pool, head: Trained, seed: int) -> Trained:
    """Add what predictors that see no lung make of the same films, fitted on the same split."""
    train, test = articles_head.split(pool, head.settings.test_share, seed)
    others = np.concatenate([films.parts[name] for name in head.parts])
    ends = np.cumsum([len(films.parts[name]) for name in head.parts])[:-1]
    blind = {}
    for baseline, (own, rest) in flaws.blind_scores(films, pool, train, others).items():
        blind[baseline] = {"test": films.table(pool.positions[test], own[test])} | {
            name: films.table(films.parts[name], scores)
            for name, scores in zip(head.parts, np.split(rest, ends), strict=True)
        }
    return replace(head, blind=blind)


def apart(films: Films, pool: Pool, settings: Settings, tutorial: Tutorial) -> Json:
    """Return the figures of cross-validation that keeps patients apart, of the head and of what sees no lung."""
    groups = films.groups(pool.positions)
    scores = {name: np.zeros(len(pool.y)) for name in ("network", *BASELINES)}
    for train, test in articles_head.folds(pool, groups, tutorial.folds, tutorial.seed):
        model, _ = articles_head.fit(pool, train, test, settings, tutorial.seed)
        scores["network"][test] = articles_head.scores(model, pool.x[test], settings)
        nothing = np.array([], np.intp)
        for name, (own, _) in flaws.blind_scores(films, pool, train, nothing).items():
            scores[name][test] = own[test]
    return {name: figures.of_test(films.table(pool.positions, each)) for name, each in scores.items()}


def again(films: Films, pool: Pool, first: Trained, weights: str, tutorial: Tutorial) -> list[Json]:
    """Return the figures of a head beside those of other seeds, and of films that are never turned."""
    settings, seed = first.settings, tutorial.seed
    heads = {f"seed {seed}": first}
    heads |= {f"seed {other}": trained(films, pool, settings, weights, other) for other in tutorial.other_seeds}
    heads[f"seed {seed}, films never turned"] = trained(films, pool, settings, weights, seed, turned=False)
    return [
        {
            "run": name,
            "test": figures.of_test(head.test),
            "called": {part: figures.of_reading(table)["called"] for part, table in head.parts.items()},
        }
        for name, head in heads.items()
    ]


def rerun(films: Films, tutorial: Tutorial, weights: str) -> tuple[dict[str, Trained], Json]:
    """Train every set; return the heads by name, and what chance and patients kept apart do to their figures."""
    heads: dict[str, Trained] = {}
    more: Json = {"again": {}, "apart": {}}
    for settings in tutorial.sets:
        pool = articles_head.pool_of(films, settings, weights, tutorial.copies, tutorial.seed)
        head = trained(films, pool, settings, weights, tutorial.seed)
        heads[settings.key] = with_blind(films, pool, head, tutorial.seed)
        more["again"][settings.key] = again(films, pool, head, weights, tutorial)
        more["apart"][settings.key] = apart(films, pool, settings, tutorial)
        print(f"{settings.key}: {figures.said(figures.of_test(head.test))}", flush=True)
    return heads, more
