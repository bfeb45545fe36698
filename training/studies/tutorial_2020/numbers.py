"""Every number of the tutorial beside ours, and beside each what is wrong with it."""

from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path

import pandas as pd

from training.metrics.figures import Json
from training.report.markdown import figure_text, table
from training.studies.tutorial_2020 import figures, flaws
from training.studies.tutorial_2020.images import Films
from training.studies.tutorial_2020.plan import KEPT, MODELS, Reading, Tutorial
from training.studies.tutorial_2020.rerun import Trained

PARTS = {
    "covid_validation": "COVID-19, March 2020",
    "normal_validation": "normal, validation",
    "pneumonia_validation": "pneumonia, validation",
    "normal_test": "normal, test folder",
    "pneumonia_test": "pneumonia, test folder",
}


def numbers(
    films: Films, heads: Mapping[str, Trained], tutorial: Tutorial, learned: frozenset[str] | None
) -> list[Json]:
    """Return a row for each number of the article: its figure, ours with interval, and what is wrong with it.

    Args:
        films: all of them.
        heads: by the key of their settings.
        tutorial: what was published.
        learned: hashes of the films that the backbone learned from; None where nobody knows.
    """
    rows = [row for head in heads.values() for row in _test_rows(films, head, learned)]
    for reading in tutorial.readings:
        head = heads.get(f"{reading.model}_{KEPT}")
        if head and reading.part in head.parts:
            rows += _reading_rows(films, head, reading)
    for film in tutorial.films:
        head = heads.get(f"{film.model}_{KEPT}")
        if head:
            rows += _film_rows(head, film.film, film.score)
    return rows


def counted(films: Films, head: Trained, learned: frozenset[str] | None) -> Json:
    """Return what is wrong with a head's test and with what it read, in numbers."""
    return {
        "test": flaws.shared(films, head.train, head.tested)
        | {"learned_by_backbone": flaws.learned_by_backbone(films, head.tested, learned)},
        "read": {name: flaws.shared(films, head.train, films.parts[name]) for name in head.parts},
        "no_lung": {
            name: figures.of_test(tables["test"])
            | {part: figures.of_reading(tables[part])["called"] for part in head.parts}
            for name, tables in head.blind.items()
        },
    }


def _test_rows(films: Films, head: Trained, learned: frozenset[str] | None) -> list[Json]:
    published, ours = figures.published_test(head.settings.test), figures.of_test(head.test)
    wrong = _wrong_with_test(films, head, learned)
    who = f"{MODELS[head.settings.model]}, {head.settings.name}: test, "
    asked = {
        "accuracy": head.test,
        "sensitivity": head.test[head.test.y_true == 1],
        "specificity": head.test[head.test.y_true == 0],
    }
    return [_row(who + name, published[name], ours[name], asked[name], wrong[name]) for name in figures.NAMES]


def _wrong_with_test(films: Films, head: Trained, learned: frozenset[str] | None) -> dict[str, str]:
    found, settings = counted(films, head, learned), head.settings
    same, border = found["test"], found["no_lung"]["border_only"]
    backbone = ""
    if same["learned_by_backbone"] is None:
        backbone = " The base may have learned from some of them: no manifest says."
    elif same["learned_by_backbone"]:
        backbone = f" The base learned from {same['learned_by_backbone']} of them, with their labels."
    age, other = flaws.ages(films, "covid"), same["same_patient"] - same["same_patient_covid"]
    return {
        "accuracy": f"The border of the film alone reaches {figure_text(border['accuracy'])}. The same films were "
        f"watched in all {settings.epochs} epochs and chose the settings: they are validation films.{backbone}",
        "sensitivity": f"Of a patient who was trained on: {same['same_patient_covid']} of {border['positives']}. "
        f"Adults: {age['adults']} of {age['stated']} COVID-19 films with a stated age. The border alone finds "
        f"{border['sensitivity']['count']}.",
        "specificity": f"All are children of one hospital: to see a child is enough. The border alone spares "
        f"{border['specificity']['count']} of {border['negatives']}. Of a patient who was trained on: {other}.",
    }


def _reading_rows(films: Films, head: Trained, reading: Reading) -> list[Json]:
    ours = figures.of_reading(head.parts[reading.part])
    who = f"{MODELS[reading.model]}: {PARTS[reading.part]}, "
    share = figures.published_share(reading.called, reading.n)
    read = head.parts[reading.part]
    rows = [_row(who + "called COVID-19", share, ours["share"], read, _wrong_with_reading(films, head, reading.part))]
    for name, value in (("mean score", reading.mean), ("median score", reading.median)):
        if not isnan(value):
            found = ours[name.split()[0]]
            rows.append(_row(who + name, {"value": value}, found, read, "As above."))
    return rows


def _wrong_with_reading(films: Films, head: Trained, part: str) -> str:
    same = flaws.shared(films, head.train, films.parts[part])
    border = figures.of_reading(head.blind["border_only"][part])["called"]
    n, own = same["n"], head.settings.negative
    if part == "covid_validation":
        return (
            f"{n} films, {same['patients']} patients. Of a patient who was trained on: {same['same_patient']}. The "
            f"border alone calls {border} COVID-19."
        )
    if part.endswith("_validation"):
        return (
            f"Trained on themselves: {same['same_film']} of {n}. As published, the copying takes the first files of "
            f"the folder both times, so that all 20 were among the 134. The border alone calls {border} COVID-19."
        )
    if part.startswith(own):
        return (
            f"The hospital, the machine and the age of the {own} films of the training: kinder than any other "
            f"hospital. Of a patient who was trained on: {same['same_patient']}. The border alone calls {border} "
            "COVID-19."
        )
    return (
        "The model never saw such a film in training: it has no right answer for it. All are children, as its own "
        f"negatives are. The border alone calls {border} COVID-19."
    )


def _film_rows(head: Trained, name: str, score: float) -> list[Json]:
    for read in head.parts.values():
        found = read[[Path(path).stem == name for path in read.path]]
        if len(found):
            who = f"{MODELS[head.settings.model]}: the film {name}, score"
            ours = {"value": float(found.y_score.iloc[0]), "low": None, "high": None}
            return [_row(who, {"value": score}, ours, found, "One film: no figure at all.")]
    return []


def _row(what: str, article: Json, ours: Json, read: pd.DataFrame, wrong: str) -> Json:
    patients = int(read.patient_id.nunique())
    return {"what": what, "article": article, "ours": ours, "n": len(read), "patients": patients, "wrong": wrong}


HEAD = ("figure", "article", "ours", "n (patients)", "what is wrong with it")


def cells(rows: Sequence[Json]) -> list[list[str]]:
    """Return the rows as text, in the columns of HEAD."""
    return [
        [
            row["what"], _text(row["article"]), _text(row["ours"]), f"{row['n']} ({row['patients']})", row["wrong"],
        ]
        for row in rows
    ]  # fmt: skip


def plain(rows: Sequence[Json]) -> str:
    """Return the table as it is printed."""
    return table(list(HEAD), cells(rows)).replace("\u00a0", " ")


def _text(figure: Json) -> str:
    # Spaces that do not break keep an interval on one line.
    interval = "" if figure.get("low") is None else f" [{figure['low']:.3f},\u00a0{figure['high']:.3f}]"
    counted = f"{figure['count']}\u00a0of\u00a0{figure['n']}:" if "count" in figure else "score"
    return f"{counted}\u00a0{figure['value']:.3f}{interval}"
