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
from sklearn.metrics import ConfusionMatrixDisplay

from training import run as runs
from training.config import load
from training.config import part as config_part
from training.data.augment import Augmentation
from training.evaluate.baselines import BASELINES
from training.fit.features import is_served
from training.metrics.discrimination import confusion
from training.metrics.figures import INTERVAL, Json
from training.report.plots import CYCLE, NEGATIVE, NEUTRAL, POSITIVE, grid, name_axes, png
from training.report.render import Picture, Section, Table, figure_text, markdown_table, page
from training.studies.tutorial_2020 import images
from training.studies.tutorial_2020 import rerun as steps
from training.studies.tutorial_2020.heads import KEPT, MODELS, Reading, Tutorial
from training.studies.tutorial_2020.images import TEST, Radiographs
from training.studies.tutorial_2020.rerun import NAMES, THRESHOLD, Rerun, Trained
from xray.prediction import in_words
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

BEFORE = """The tutorial teaches two networks to tell COVID-19 on chest radiographs: model 1 from normal ones, model 2
from those of another pneumonia. Its steps were run again on its own layout: 134 PA radiographs of COVID-19 from Cohen's
collection, as many normal ones and pneumonias from a set of children, images squashed to 224 by 224 pixels and divided
by 255, a random 80/20 or 90/10 split, a frozen VGG16 below a small head, and two sets of hyper-parameters for each
model. Sensitivity is the share of COVID-19 radiographs that were called COVID-19; specificity, the share of the others
that were not. A radiograph is called COVID-19 from a score of 0.5.

All of this can be learned from. None of it is a diagnosis, and the next parts say why even the good figures are not
what they seem."""
AUGMENTATION = """The article rotates each training radiograph anew in every epoch. With a frozen backbone that is not
needed: {copies} augmented copies of each went through it once, their features were kept, and an epoch draws one of
them. What lies beyond the edge is mirrored here; there the last pixel is repeated. What augmentation is worth stands
under "How much is chance".

Two things in the article's plan are easily missed. Its first head pools 4 by 4 cells of 7 by 7: there is room for that
once, so it sees the upper left 16 of the 49 cells and not the others. And its images are only divided by 255, while
VGG16 was trained on ImageNet with each channel's mean subtracted: the backbone gets an input that it does not know."""
NUMBERS = """Each number of the article stands beside ours. In brackets: 95 % intervals, of the article's by Wilson's
formula from its counts of radiographs, of ours by drawing patients. The article gives none. Where the two intervals of
a row overlap widely, the two numbers say the same."""
WRONG = """A network recognises a patient, the hospital, the machine and the age more easily than a disease. So a test
is worth something only where no patient stands on both sides, where its radiographs chose nothing, and where the two
classes differ in the disease alone. Here is how often that was not so. The article's 20 normal validation radiographs
come from the folder of the training ones; as published, its copying function keeps the first files that the folder
lists, so all of them had been copied for training too. Here both were drawn at random, and those that the article names
were kept."""
BLIND = """Two logistic regressions see the same radiographs at 48 by 48 pixels, one without lungs, the other only their
border. They learned from the same training radiographs and were tested on the same test radiographs. What they reach, a
network reaches without learning anything about COVID-19: it tells the sets apart, not the disease."""
BY_PATIENT = """Five folds over all radiographs of a model, no patient or near-copy on both sides: the same heads,
judged on patients that they do not know. What is lost against the random split, if anything, is what shared patients
gave. The other flaw stays: the classes still come from two sets, one of adults, one of children."""
REPEATS = """The same radiographs and settings with another seed: another split, other first weights. The article
changed settings until the figure on its test radiographs rose, by two of 54; here is how far it moves when nothing is
changed but the seed."""
SPREAD = """The test folder, which no head was trained on: a histogram above a box plot; dashed, the mean; orange, what
is called COVID-19. None of these children has COVID-19: their radiographs were published in 2018. They come from the
hospital of the training radiographs, so these figures are kinder than those of any other hospital would be."""
CURVES = """The article reads from such curves that its training goes well. But the orange ones are of the very
radiographs for which the result is then given."""


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
    text = "\n\n".join([BEFORE, _backbone_text(weights), AUGMENTATION.format(copies=tutorial.copies)])
    args.output.mkdir(parents=True, exist_ok=True)
    runs.write_json(args.output / "report.json", figures)
    html = page(TITLE, _sections(radiographs, reruns, figures, text))
    (args.output / "report.html").write_text(html, encoding="utf-8")
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


def _sections(radiographs: Radiographs, reruns: Reruns, figures: Json, text: str) -> list[Section]:
    """Return the report's sections."""
    heads = [each.head for each in reruns.values()]
    repeats = [_repeat_table(each) for each in reruns.values()]
    matrices = Picture(draw_matrices(heads), "Confusion matrices of the test radiographs")
    return [
        Section("What was done", text),
        Section(
            "Every number, beside ours",
            NUMBERS + _summary(reruns),
            [Table(f"Of ours: {INTERVAL}", HEAD, _cells(figures["numbers"]))],
        ),
        Section("What is wrong, counted", WRONG, [_known_table(reruns, figures), _age_table(radiographs)]),
        Section("What needs no lung", BLIND, [_blind_table(reruns, figures)]),
        Section("Patients kept on one side", BY_PATIENT, [_by_patient_table(reruns)]),
        Section("How much is chance", REPEATS, repeats),
        Section("How scores are spread", SPREAD, [], _score_plots(radiographs, reruns)),
        Section("Learning curves", CURVES, [], [Picture(draw_curves(heads), "Loss and accuracy")]),
        Section("Confusion matrices", "The article's above, ours below.", [], [matrices]),
    ]


def _summary(reruns: Reruns) -> str:
    """Say in a paragraph how the kept models stand beside a predictor that sees no lung."""
    said = []
    for rerun in reruns.values():
        settings = rerun.head.settings
        if settings.name == KEPT:
            ours = steps.figures_of_test(rerun.head.tables["test"])["accuracy"]
            border = steps.figures_of_test(rerun.blind["border_only"]["test"])["accuracy"]
            found, _, _, spared = settings.test
            said.append(
                f"of the test radiographs of {MODELS[settings.model]}, the article's network gets {found + spared} of "
                f"{sum(settings.test)} right, ours {ours['count']} of {ours['n']}, and a logistic regression on "
                f"nothing but their border {border['count']}"
            )
    return f"\n\nIn short: {'; '.join(said)}." if said else ""


def _backbone_text(weights: str) -> str:
    if weights == "imagenet":
        return "The frozen backbone is the article's: Keras's VGG16, trained on ImageNet."
    if not is_served(weights):
        return f"The frozen backbone is VGG16 with the weights of {weights}; the article's was trained on ImageNet."
    return (
        "The frozen backbone is not the article's. That was VGG16 trained on ImageNet's photographs, which must be "
        f"downloaded; here it is {weights}, this project's own VGG16. It learned, with their labels, from radiographs "
        "of the same collections, some of which are tested here: our figures are likely better than on radiographs "
        "that it does not know, one more flaw, and ours. Compare how they behave rather than the last digit. With the "
        "option --weights imagenet, the article's is used where Keras can download it."
    )


def _known_table(reruns: Reruns, figures: Json) -> Table:
    rows = []
    for key, rerun in reruns.items():
        found, settings = figures["counted"][key], rerun.head.settings
        read = {PARTS[name]: same for name, same in found["read"].items()} if settings.name == KEPT else {}
        for name, same in {"test": found["test"], **read}.items():
            size = f"{same['n']} ({same['patients']})"
            rows.append((f"{settings.title}: {name}", size, same["same_patient"], same["same_film"]))
    head = ("read by", "n (patients)", "of a patient who was trained on, or a near-copy", "trained on themselves")
    return Table("Radiographs that training knows", head, rows)


def _age_table(radiographs: Radiographs) -> Table:
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
    return Table(
        "Patients of the radiographs that the models are made from", ("class", "n (patients)", "age", "files"), rows
    )


def _blind_table(reruns: Reruns, figures: Json) -> Table:
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
    head = ("predictor", *NAMES, "normal called so", "pneumonia")
    return Table("Test radiographs, and radiographs of the test folder that were called COVID-19", head, rows)


def _by_patient_table(reruns: Reruns) -> Table:
    rows = [
        (
            rerun.head.settings.title, BASELINES.get(who, "the network"), f"{row['n']} ({row['patients']})",
            *(figure_text(row[name]) for name in NAMES),
        )
        for rerun in reruns.values()
        for who, row in rerun.by_patient.items()
    ]  # fmt: skip
    return Table("Cross-validation by patient", ("model", "predictor", "n (patients)", *NAMES), rows)


def _repeat_table(rerun: Rerun) -> Table:
    rows = [
        (
            each["run"], *(f"{each['test'][name]['value']:.3f}" for name in NAMES),
            *(each["called"].get(part, "–") for part in TEST.values()),
        )
        for each in rerun.repeats
    ]  # fmt: skip
    caption = f"{rerun.head.settings.title}; of the test folder, what was called COVID-19"
    return Table(caption, ("run", *NAMES, "normal called so", "pneumonia called so"), rows)


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

    Args:
        tables: rows with y_score, by title.

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


def draw_matrices(heads: Sequence[Trained]) -> bytes:
    """Draw the article's confusion matrices above ours, a column for each head; a PNG."""
    figure = Figure(figsize=(2.9 * len(heads), 5.6), layout="constrained")
    places = figure.subplots(2, len(heads), squeeze=False)
    for column, head in enumerate(heads):
        test = head.tables["test"]
        counts = confusion(test.y_true, test.y_score, threshold=THRESHOLD)
        ours = (counts.true_positive, counts.false_negative, counts.false_positive, counts.true_negative)
        names = ["COVID-19", in_words(head.settings.negative)]
        for axes, cells, whose in zip(places[:, column], (head.settings.test, ours), ("article", "ours"), strict=True):
            ConfusionMatrixDisplay(np.reshape(cells, (2, 2)), display_labels=names).plot(
                ax=axes, cmap="Blues", colorbar=False
            )
            axes.set(xlabel="called", ylabel="is", title=f"{head.settings.title}\n{whose}")
    return png(figure)
