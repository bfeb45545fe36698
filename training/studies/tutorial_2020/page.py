"""The page of the tutorial's rerun: its text, tables and plots."""

from collections.abc import Mapping

import numpy as np

from training.fit.features import is_served
from training.metrics.figures import INTERVAL, Json
from training.report.html import Picture, Section, Table
from training.studies.explore import plots as explore_plots
from training.studies.tutorial_2020 import figures, flaws, numbers, plots, tables
from training.studies.tutorial_2020.images import TEST, Films
from training.studies.tutorial_2020.plan import KEPT, MODELS, Tutorial
from training.studies.tutorial_2020.rerun import Trained
from training.studies.tutorial_2020.tables import title

TITLE = "The two-model tutorial of 2020, run again"
SHOWN = 16  # films that are not COVID-19 and score highest

BEFORE = """The tutorial teaches two networks to tell COVID-19 on chest radiographs: model 1 from normal films, model
2 from those of another pneumonia. Its steps were run again on its own layout: 134 PA films of COVID-19 from Cohen's
collection, as many normal films and films of pneumonia from a set of children, pictures squashed to 224 by 224 pixels
and divided by 255, a random 80/20 or 90/10 split, a frozen VGG16 below a small head, and two sets of hyper-parameters
for each model. Sensitivity is the share of COVID-19 films that were called COVID-19; specificity, the share of the
others that were not. A film is called COVID-19 from a score of 0.5.

All of this can be learned from. None of it is a diagnosis, and the next parts say why even the good figures are not
what they seem."""
TURNING = """The article turns each training film anew in every epoch. With a frozen base that is not needed: {copies}
turned copies of each film went through it once, their features were kept, and an epoch draws one of them. What lies
beyond the edge of a turned film is mirrored here; there its last pixel is repeated. What the turning is worth stands
under "How much is chance".

Two things in the article's plan are easily missed. Its first head pools 4 by 4 cells of 7 by 7: there is room for
that once, so it sees the upper left 16 of the 49 cells and not the others. And its pictures are only
divided by 255, while VGG16 was trained on ImageNet with each channel's mean taken off: the base gets an input that it
does not know."""
NUMBERS = """Each number of the article stands beside ours. In brackets: 95 % intervals, of the article's by Wilson's
formula from its counts of films, of ours by drawing patients. The article gives none. Where the two intervals of a
row overlap widely, the two numbers say the same."""
WRONG = """A network recognises a patient, the hospital, the machine and the age more easily than a disease. So a test
is worth something only where no patient stands on both sides, where its films chose nothing, and where the two
classes differ in the disease alone. Here is how often that was not so. The article's 20 normal films for validation
come from the folder of the training films; as published, its copying function keeps the first files that the folder
lists, so all of them had been copied for training too. Here both were drawn at random, and the films that the article
names were kept."""
BLIND = """Two logistic regressions see the same films at 48 by 48 pixels, one without lungs, the other only their
border. They learned from the same training films and were tested on the same test films. What they reach, a network
reaches without learning anything of COVID-19: the set, not the disease, is being told apart."""
APART = """Five folds over all films of a model, no patient or near-copy on both sides: the same heads, judged on
films of patients that they do not know. What is lost against the random split, if anything, is what shared patients
gave. The other flaw stays: the classes still come from two sets, one of adults, one of children."""
AGAIN = """The same films and settings with another seed: another split, other first weights. The article changed
settings until the figure on its test films rose, by two films of 54; here is how far it moves when nothing is changed
but the seed."""
SPREAD = """The films of the test folder, which no head was trained on: a histogram above a box plot; dashed, the
mean; orange, what is called COVID-19. None of these children has
COVID-19: their films were published in 2018. They come from the hospital of the
training films, so these figures are kinder than those of any other hospital would be."""
CURVES = """The article reads from such curves that its training goes well. But the orange ones are of the very films
that the result is then given for."""
COLLECTION = """Cohen's collection grew after May 2020. Its first 142 PA films of COVID-19 are taken, in the order of
the table, so that the counts are the article's; which of its films were among them is not known."""


def sections(
    films: Films,
    heads: Mapping[str, Trained],
    tutorial: Tutorial,
    more: Json,
    base: tuple[str, frozenset[str] | None],
) -> tuple[list[Section], Json]:
    """Return the report's parts, and its figures for machines.

    Args:
        films: all of them.
        heads: by the key of their settings.
        tutorial: choices and published figures.
        more: of `articles_rerun.rerun`, and the collection's counts.
        base: the frozen base, and the hashes of the films it learned from; None where nobody knows.
    """
    weights, learned = base
    rows = numbers.numbers(films, heads, tutorial, learned)
    counted = {key: numbers.counted(films, head, learned) for key, head in heads.items()}
    text = "\n\n".join([BEFORE, _base(films, weights, learned), TURNING.format(copies=tutorial.copies)])
    parts = [
        Section("What was done", text),
        Section(
            "Every number, beside ours",
            NUMBERS + _short(heads, counted),
            [Table(f"Of ours: {INTERVAL}", numbers.HEAD, numbers.cells(rows))],
        ),
        Section("What is wrong, counted", WRONG, [tables.shared(counted), tables.ages(films)]),
        Section("What needs no lung", BLIND, [tables.blind(heads, counted)]),
        Section("Patients kept apart", APART, [tables.apart(more["apart"], heads)]),
        Section("How much is chance", AGAIN, [tables.again(key, found) for key, found in more["again"].items()]),
        Section("How scores are spread", SPREAD, [], _spread(films, heads)),
        Section("Training curves", CURVES, [], [_curves(heads)]),
        Section("Confusion matrices", "The article's above, ours below.", [], [_matrices(heads)]),
        Section("The collection, then and now", COLLECTION, [tables.collection(more["collection"])]),
    ]
    found = {
        "numbers": rows,
        "counted": counted,
        "ages": {part: flaws.ages(films, part) for part in films.parts},
        "curves": {key: head.history for key, head in heads.items()},
        "interval": INTERVAL,
        **more,
    }
    return parts, found


def _short(heads: Mapping[str, Trained], counted: Mapping[str, Json]) -> str:
    """Say in a paragraph how the kept models stand beside a predictor that sees no lung."""
    said = []
    for key, head in heads.items():
        if head.settings.name == KEPT:
            ours, border = figures.of_test(head.test), counted[key]["no_lung"]["border_only"]
            found, _, _, spared = head.settings.test
            said.append(
                f"of the test films of {MODELS[head.settings.model]}, the article's network gets {found + spared} of "
                f"{sum(head.settings.test)} right, ours {ours['accuracy']['count']} of {ours['n']}, and a logistic "
                f"regression on nothing but the border of the same films {border['accuracy']['count']}"
            )
    return f"\n\nIn short: {'; '.join(said)}." if said else ""


def _base(films: Films, weights: str, learned: frozenset[str] | None) -> str:
    if weights == "imagenet":
        return "The frozen base is the article's: Keras's VGG16, trained on ImageNet."
    if not is_served(weights):
        return f"The frozen base is VGG16 with the weights of {weights}; the article's was trained on ImageNet."
    words = (
        "The frozen base is not the article's. That was VGG16 trained on ImageNet's photographs, which must be "
        f"downloaded; here it is {weights}, this project's own VGG16, trained on radiographs. That alone makes the "
        "numbers differ: compare how they behave rather than the last digit. With the option --weights "
        "imagenet, the article's is used where Keras can download it."
    )
    pools = {
        "films that the models are made from": ("covid", "normal", "pneumonia"),
        "validation films": tuple(name for name in films.parts if name.endswith("_validation")),
        "films of the test folder": tuple(TEST.values()),
    }
    if learned is None:
        return f"{words} {weights} learned from films of the same collections; without a manifest nobody can say which."
    said = []
    for name, parts in pools.items():
        positions = np.unique(np.concatenate([films.parts[part] for part in parts]))
        said.append(f"{flaws.learned_by_backbone(films, positions, learned)} of {len(positions)} {name}")
    return (
        f"{words} {weights} learned, with their labels, from {', '.join(said)}. Where that is not 0, our figures are "
        "likely better than on films that it does not know: one more flaw, and ours."
    )


def _spread(films: Films, heads: Mapping[str, Trained]) -> list[Picture]:
    kept = {key: head for key, head in heads.items() if head.settings.name == KEPT}
    read = {
        f"{MODELS[head.settings.model]}, {numbers.PARTS[part]}": head.parts[part]
        for head in kept.values()
        for part in TEST.values()
        if part in head.parts
    }
    pictures = [Picture(plots.distributions(read), "Scores of both kept models")] if read else []
    for head in kept.values():
        part = TEST[head.settings.negative]
        if part in head.parts:
            worst = np.argsort(-head.parts[part].y_score.to_numpy())[:SHOWN]
            shown = [films.crops.pictures[films.parts[part][i]] for i in worst]
            names = [f"{head.parts[part].y_score.iloc[i]:.2f}" for i in worst]
            caption = f"{MODELS[head.settings.model]}, {numbers.PARTS[part]}: the films that score highest for COVID-19"
            pictures.append(Picture(explore_plots.grid(shown, names), caption))
    return pictures


def _curves(heads: Mapping[str, Trained]) -> Picture:
    return Picture(plots.curves({title(head): head.history for head in heads.values()}), "Loss and accuracy")


def _matrices(heads: Mapping[str, Trained]) -> Picture:
    tables = {title(head): head.test for head in heads.values()}
    published = {title(head): head.settings.test for head in heads.values()}
    return Picture(plots.matrices(tables, published), "Confusion matrices of the test films")
