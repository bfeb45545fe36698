"""Report of the tutorial's rerun: every number of the article beside ours, and what is wrong with it.

Lays its radiographs out, trains both models with both sets of hyper-parameters, and reads what the article reads.
Writes runs/articles/report.html, one page with every plot inside, and report.json with the same figures.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training import run as runs
from training.config import load
from training.config import part as config_part
from training.data.augment import Augmentation
from training.evaluate.baselines import BASELINES
from training.fit.features import is_served
from training.metrics.figures import INTERVAL, Json
from training.report.plots import CYCLE, NEGATIVE, NEUTRAL, POSITIVE, grid, matrix, name_axes, png
from training.report.render import Picture, figure_text, markdown_table, page
from training.studies.tutorial_2020 import images
from training.studies.tutorial_2020 import rerun as steps
from training.studies.tutorial_2020.heads import KEPT, MODELS, Reading, Tutorial
from training.studies.tutorial_2020.images import TEST, Radiographs
from training.studies.tutorial_2020.rerun import NAMES, THRESHOLD, Rerun, Trained
from xray.registry import BACKBONE

TITLE = "The two-model tutorial of 2020, run again"
PARTS = {
    "covid_validation": "COVID-19, March 2020",
    "normal_validation": "normal, validation",
    "pneumonia_validation": "pneumonia, validation",
    "normal_test": "normal, test folder",
    "pneumonia_test": "pneumonia, test folder",
}
HEAD = ("figure", "article", "ours", "n (patients)", "what is wrong with it")
SHOWN = 16  # radiographs that are not COVID-19 and score highest
BINS = 20
Reruns = Mapping[str, Rerun]
Rows = Sequence[Sequence[object]]


def run(args: argparse.Namespace) -> None:
    """Run the tutorial again, and write the report."""
    weights = BACKBONE if args.weights == "ours" else args.weights
    tutorial = load(args.config, Tutorial)
    augmentation = config_part(args.augmentation, "augmentation", Augmentation) if args.augmentation else None
    home = images.find_layout(args.input)
    radiographs = images.read(home, tutorial.seed, images.validation_names())
    reruns = steps.rerun(radiographs, tutorial, weights, augmentation)
    rows = _number_rows(radiographs, reruns, tutorial)
    figures = {
        "numbers": rows,
        "counted": {key: _count_flaws(radiographs, each) for key, each in reruns.items()},
        "ages": {name: steps.ages(radiographs, name) for name in radiographs.parts},
        "curves": {key: each.head.history for key, each in reruns.items()},
        "again": {key: each.repeats for key, each in reruns.items()},
        "apart": {key: each.by_patient for key, each in reruns.items()},
        "interval": INTERVAL,
        "config": asdict(tutorial),
        "weights": weights,
    }
    args.output.mkdir(parents=True, exist_ok=True)
    runs.write_json(args.output / "report.json", figures)
    (args.output / "report.html").write_text(_page(radiographs, reruns, figures), encoding="utf-8")
    print(markdown_table(list(HEAD), _cells(rows)).replace("\u00a0", " "))
    print(args.output / "report.html")


def _number_rows(radiographs: Radiographs, reruns: Reruns, tutorial: Tutorial) -> list[Json]:
    """Return a row for each number of the article: its figure, ours with interval, and what is wrong with it."""
    rows = [row for each in reruns.values() for row in _test_rows(radiographs, each)]
    for reading in tutorial.readings:
        kept = reruns.get(f"{reading.model}_{KEPT}")
        if kept and reading.part in kept.head.tables:
            rows += _part_rows(radiographs, kept, reading)
    for film in tutorial.films:
        kept = reruns.get(f"{film.model}_{KEPT}")
        rows += _film_rows(kept.head, film.film, film.score) if kept else []
    return rows


def _count_flaws(radiographs: Radiographs, rerun: Rerun) -> Json:
    """Return what is wrong with a head's test and with what it read, in numbers."""
    head = rerun.head
    known = {name: steps.count_known(radiographs, head.train, positions) for name, positions in head.positions.items()}
    test = known.pop("test")
    no_lung = {
        name: steps.figures_of_test(tables["test"]) | {part: steps.count_called(tables[part]) for part in known}
        for name, tables in rerun.blind.items()
    }
    return {"test": test, "read": known, "no_lung": no_lung}


def _test_rows(radiographs: Radiographs, rerun: Rerun) -> list[Json]:
    head, test = rerun.head, rerun.head.tables["test"]
    published, ours = steps.published_test(head.settings.test), steps.figures_of_test(test)
    wrong = _wrong_with_test(radiographs, rerun)
    asked = {"accuracy": test, "sensitivity": test[test.y_true == 1], "specificity": test[test.y_true == 0]}
    who = f"{head.settings.title}: test, "
    return [_row(who + name, published[name], ours[name], asked[name], wrong[name]) for name in NAMES]


def _wrong_with_test(radiographs: Radiographs, rerun: Rerun) -> dict[str, str]:
    found, settings = _count_flaws(radiographs, rerun), rerun.head.settings
    same, border = found["test"], found["no_lung"]["border_only"]
    age, other = steps.ages(radiographs, "covid"), same["same_patient"] - same["same_patient_covid"]
    return {
        "accuracy": f"The border alone reaches {figure_text(border['accuracy'])}. The same radiographs were "
        f"watched in all {settings.epochs} epochs and chose the settings: they are validation radiographs.",
        "sensitivity": f"Of a patient who was trained on: {same['same_patient_covid']} of {border['positives']}. "
        f"Adults: {age['adults']} of {age['stated']} COVID-19 radiographs with a stated age. The border alone finds "
        f"{border['sensitivity']['count']}.",
        "specificity": f"All are children of one hospital: to see a child is enough. The border alone spares "
        f"{border['specificity']['count']} of {border['negatives']}. Of a patient who was trained on: {other}.",
    }


def _part_rows(radiographs: Radiographs, rerun: Rerun, reading: Reading) -> list[Json]:
    read = rerun.head.tables[reading.part]
    ours, wrong = steps.figures_of_part(read), _wrong_with_part(radiographs, rerun, reading.part)
    who = f"{MODELS[reading.model]}: {PARTS[reading.part]}, "
    share = steps.published_share(reading.called, reading.n)
    rows = [_row(who + "called COVID-19", share, ours["share"], read, wrong)]
    for name, value in (("mean", reading.mean), ("median", reading.median)):
        if not isnan(value):
            rows.append(_row(f"{who}{name} score", {"value": value}, ours[name], read, "As above."))
    return rows


def _wrong_with_part(radiographs: Radiographs, rerun: Rerun, name: str) -> str:
    same = steps.count_known(radiographs, rerun.head.train, rerun.head.positions[name])
    border = f"The border alone calls {steps.count_called(rerun.blind['border_only'][name])} COVID-19."
    known = f"Of a patient who was trained on: {same['same_patient']}."
    n, own = same["n"], rerun.head.settings.negative
    if name == "covid_validation":
        return f"{n} radiographs, {same['patients']} patients. {known} {border}"
    if name.endswith("_validation"):
        return (
            f"Trained on themselves: {same['same_film']} of {n}. As published, the copying takes the first files of "
            f"the folder both times, so that all 20 were among the 134. {border}"
        )
    if name.startswith(own):
        return (
            f"The hospital, the machine and the age of the {own} training radiographs: kinder than any other "
            f"hospital. {known} {border}"
        )
    return (
        "The model never saw such a radiograph in training: it has no right answer for it. All are children, as its "
        f"own negatives are. {border}"
    )


def _film_rows(head: Trained, name: str, score: float) -> list[Json]:
    for table in head.tables.values():
        found = table[[Path(path).stem == name for path in table.path]]
        if len(found):
            who = f"{MODELS[head.settings.model]}: the radiograph {name}, score"
            ours = {"value": float(found.y_score.iloc[0]), "low": None, "high": None}
            return [_row(who, {"value": score}, ours, found, "One radiograph: no figure at all.")]
    return []


def _row(what: str, article: Json, ours: Json, read: pd.DataFrame, wrong: str) -> Json:
    patients = int(read.patient_id.nunique())
    return {"what": what, "article": article, "ours": ours, "n": len(read), "patients": patients, "wrong": wrong}


def _cells(rows: Sequence[Json]) -> list[list[str]]:
    """Return the rows of `number_rows` as text, in the columns of HEAD."""
    return [
        [row["what"], _text(row["article"]), _text(row["ours"]), f"{row['n']} ({row['patients']})", row["wrong"]]
        for row in rows
    ]


def _text(figure: Json) -> str:
    # Spaces that do not break keep an interval on one line.
    interval = "" if figure.get("low") is None else f" [{figure['low']:.3f},\u00a0{figure['high']:.3f}]"
    counted = f"{figure['count']}\u00a0of\u00a0{figure['n']}:" if "count" in figure else "score"
    return f"{counted}\u00a0{figure['value']:.3f}{interval}"


def _page(radiographs: Radiographs, reruns: Reruns, figures: Json) -> str:
    """Return the report; its words are in training/report/templates/articles.html."""
    return page(
        TITLE,
        template="articles.html",
        weights=figures["weights"],
        ours=is_served(figures["weights"]),
        copies=figures["config"]["copies"],
        interval=INTERVAL,
        kept=[_kept(each) for each in reruns.values() if each.head.settings.name == KEPT],
        head=HEAD,
        numbers=_cells(figures["numbers"]),
        known=_known(reruns, figures),
        patients=_patients(radiographs),
        blind=_blind(reruns, figures),
        by_patient=_by_patient(reruns),
        repeats={each.head.settings.title: _repeats(each) for each in reruns.values()},
        scores=_score_plots(radiographs, reruns),
        curves=Picture(draw_curves([each.head for each in reruns.values()]), "Loss and accuracy"),
        matrices=[picture for each in reruns.values() for picture in draw_matrices(each.head)],
    )


def _kept(rerun: Rerun) -> Json:
    """Return the test accuracy of a kept model in the article, of ours, and of a predictor that sees no lung."""
    return {
        "model": MODELS[rerun.head.settings.model],
        "article": steps.published_test(rerun.head.settings.test)["accuracy"],
        "ours": steps.figures_of_test(rerun.head.tables["test"])["accuracy"],
        "border": steps.figures_of_test(rerun.blind["border_only"]["test"])["accuracy"],
    }


def _known(reruns: Reruns, figures: Json) -> Rows:
    rows = []
    for key, rerun in reruns.items():
        found, settings = figures["counted"][key], rerun.head.settings
        read = {PARTS[name]: same for name, same in found["read"].items()} if settings.name == KEPT else {}
        for name, same in {"test": found["test"], **read}.items():
            size = f"{same['n']} ({same['patients']})"
            rows.append((f"{settings.title}: {name}", size, same["same_patient"], same["same_film"]))
    return rows


def _patients(radiographs: Radiographs) -> Rows:
    rows = []
    for name, part in (("COVID-19", "covid"), ("normal", "normal"), ("pneumonia", "pneumonia")):
        found, own = steps.ages(radiographs, part), radiographs.rows(radiographs.parts[part])
        age = "not stated for each; the publisher says children of one to five years"
        if found["stated"]:
            age = f"{found['adults']} adults of {found['stated']} stated, median {found['median_years']:.0f} years"
        sizes = sorted({(row.width, row.height) for row in own})
        files = f"{len(sizes)} sizes, {sum(row.width == row.height for row in own)} of the files square"
        files = f"all {sizes[0][0]} × {sizes[0][1]} px" if len(sizes) == 1 else files
        rows.append((name, f"{found['n']} ({len({row.patient_id for row in own})})", age, files))
    return rows


def _blind(reruns: Reruns, figures: Json) -> Rows:
    rows = []
    for key, rerun in reruns.items():
        tables = rerun.head.tables
        read = [part for part in TEST.values() if part in tables]
        network = steps.figures_of_test(tables["test"]) | {part: steps.count_called(tables[part]) for part in read}
        found = {"the network": network}
        found |= {BASELINES[name]: row for name, row in figures["counted"][key]["no_lung"].items()}
        for who, row in found.items():
            called = [f"{row[part]} of {len(tables[part])}" if part in row else "–" for part in TEST.values()]
            title = f"{rerun.head.settings.title}: {who}"
            rows.append((title, *(figure_text(row[name]) for name in NAMES), *called))
    return rows


def _by_patient(reruns: Reruns) -> Rows:
    return [
        (
            rerun.head.settings.title, BASELINES.get(who, "the network"), f"{row['n']} ({row['patients']})",
            *(figure_text(row[name]) for name in NAMES),
        )
        for rerun in reruns.values()
        for who, row in rerun.by_patient.items()
    ]  # fmt: skip


def _repeats(rerun: Rerun) -> Rows:
    return [
        (
            each["run"], *(f"{each['test'][name]['value']:.3f}" for name in NAMES),
            *(each["called"].get(part, "–") for part in TEST.values()),
        )
        for each in rerun.repeats
    ]  # fmt: skip


def _score_plots(radiographs: Radiographs, reruns: Reruns) -> list[Picture]:
    kept = [rerun.head for rerun in reruns.values() if rerun.head.settings.name == KEPT]
    read = {
        f"{MODELS[head.settings.model]}, {PARTS[part]}": head.tables[part]
        for head in kept
        for part in TEST.values()
        if part in head.tables
    }
    pictures = [Picture(draw_scores(read), "Scores of both kept models")] if read else []
    for head in kept:
        part = TEST[head.settings.negative]
        if part in head.tables:
            y_score = head.tables[part].y_score.to_numpy()
            worst = np.argsort(-y_score)[:SHOWN]
            shown = [radiographs.crops.images[head.positions[part][i]] for i in worst]
            caption = f"{MODELS[head.settings.model]}, {PARTS[part]}: those that score highest for COVID-19"
            pictures.append(Picture(grid(shown, [f"{y_score[i]:.2f}" for i in worst]), caption))
    return pictures


def draw_scores(tables: Mapping[str, pd.DataFrame]) -> bytes:
    """Draw the scores of each part: a histogram above a box plot, what is called COVID-19 in colour.

    Returns:
        A PNG.
    """
    rows = -(-len(tables) // 2)
    figure = Figure(figsize=(9, 3.1 * rows), layout="constrained")
    places = list(figure.subplots(rows, 2, squeeze=False).flat)
    for axes, (title, table) in zip(places, tables.items(), strict=False):
        score = table.y_score.to_numpy()
        _, edges, bars = axes.hist(score, bins=np.linspace(0, 1, BINS + 1), color=NEGATIVE)
        for edge, bar in zip(edges, bars, strict=False):
            bar.set_facecolor(POSITIVE if edge >= THRESHOLD - 1e-9 else NEGATIVE)
        top = axes.get_ylim()[1]
        axes.boxplot(score, orientation="horizontal", positions=[-0.12 * top], widths=0.1 * top, manage_ticks=False,
                     flierprops={"markersize": 2}, medianprops={"color": "black"})  # fmt: skip
        axes.axvline(THRESHOLD, color=NEUTRAL, linestyle=":", linewidth=1)
        axes.axvline(score.mean(), color="black", linestyle="--", linewidth=1)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.25 * top, top))
        axes.set_yticks([tick for tick in axes.get_yticks() if tick >= 0])
        axes.set_title(f"{title}: {steps.count_called(table)} of {len(score)} called COVID-19", fontsize=9)
        name_axes(axes, "score for COVID-19", "radiographs")
    for spare in places[len(tables) :]:
        spare.axis("off")
    return png(figure)


def draw_curves(heads: Sequence[Trained]) -> bytes:
    """Draw loss and accuracy of training and test radiographs over the epochs, a column for each head; a PNG."""
    figure = Figure(figsize=(2.6 * len(heads), 4.6), layout="constrained")
    places = figure.subplots(2, len(heads), squeeze=False, sharey="row")
    for column, head in enumerate(heads):
        for axes, name in zip(places[:, column], ("loss", "accuracy"), strict=True):
            epochs = range(1, len(head.history[name]) + 1)
            axes.plot(epochs, head.history[name], color=CYCLE[0], label="training")
            axes.plot(epochs, head.history[f"val_{name}"], color=POSITIVE, label="test, watched")
            name_axes(axes, "epoch", name if column == 0 else "")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        places[0, column].set_title(head.settings.title, fontsize=9)
    places[0, 0].legend(frameon=False, fontsize=8)
    return png(figure)


def draw_matrices(head: Trained) -> list[Picture]:
    """Draw the article's confusion matrix and ours."""
    cells = steps.figures_of_test(head.tables["test"])["confusion"]
    ours = [[cells["true_positive"], cells["false_negative"]], [cells["false_positive"], cells["true_negative"]]]
    names, article = ["covid", head.settings.negative], np.reshape(head.settings.test, (2, 2)).tolist()
    return [
        Picture(matrix(counts, names, names), f"{head.settings.title}, test radiographs: {whose}")
        for counts, whose in ((article, "the article"), (ours, "ours"))
    ]
