"""The comparison's report: its tables and its words."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from training.metrics.figures import INTERVAL, Json
from training.report.html import Picture, Section, Table
from training.report.markdown import figure_text
from training.studies.compare import parameters
from training.studies.compare.architectures import IMAGENET, OURS, RANDOM
from training.studies.compare.folds import TUNED, VAL_FOLDS, CompareConfig
from training.studies.compare.images import Sample
from training.studies.compare.plots import against_parameters

MAIN = {
    "roc_auc": "AUC, all films",
    "inside": "AUC inside a source",
    "sensitivity": "sensitivity (recall)",
    "specificity": "specificity",
}
MORE = {"precision": "precision", "f1": "F1"}


def sections(films: Sample, config: CompareConfig, report: Json) -> list[Section]:
    """Return the report's parts."""
    entries, blind, counted = report["entries"], report["baselines"], report["architectures"]
    taught = [each for each in entries if each["weights"] != RANDOM]
    untaught = [each for each in entries if each["weights"] == RANDOM]
    sizes = {each["name"]: each["backbone"] for each in counted}
    shown = taught + blind
    plot = against_parameters(entries, sizes, blind)
    parts = [
        Section("Which films", _films_text(films, config, report), [_counts(films)]),
        Section(
            "How well they tell the classes apart",
            ACCURACY + f"\n\nIntervals: {INTERVAL}.",
            [
                _figures("Backbones, and what sees no lung", MAIN, shown),
                _figures("The same: precision and F1 at each fold's threshold", MORE, shown),
                _by_source(shown),
            ],
            [Picture(plot, "ROC AUC against parameters")],
        ),
        Section("Frozen or fine-tuned", _tuning_text(config), [_gains(taught)] if _tuned(taught) else []),
        Section("Parameters, size and time", PARAMETERS, [_parameters(counted), _listed(counted)]),
    ]
    if untaught:
        table = _figures("Backbones with random weights, never trained", MAIN, untaught)
        parts.append(Section("Random weights", UNTAUGHT, [table]))
    return parts


ACCURACY = """Every entry is judged on the same folds; no patient stands on both sides of one. The first figure compares
all films of a fold, so to know the hospital helps: read it beside the rows that see no lung. The second compares only
films of one source, where knowing the hospital helps nothing; it is the fairer one, and its sources follow. Scores of
two folds are never compared, as each fold has a network of its own; nor are thresholds shared.

Precision and F1 depend on how many of these films are abnormal: they are no figures of a hospital's day. Our VGG16 has
learnt from other films of the same hospitals, labels and all; ImageNet's networks have never seen a radiograph."""
PARAMETERS = """Counts hold for any weights; the head is Flatten and Dense(2), as the student comparison has it. Times
are those of one picture of 224 px in Keras on this machine, median and shortest of 9; the last column is the time that
all its cores spent on it together, which hardly depends on what else they do. The size is that of 32-bit weights."""
UNTAUGHT = """What a linear head makes of networks that have learnt nothing. It is a floor: it says nothing about what
these architectures reach with weights of ImageNet. With a network at hand, change `weights` in the configuration."""


def _films_text(films: Sample, config: CompareConfig, report: Json) -> str:
    choice = config.films
    return (
        f"{' or '.join(choice.positive)} against {' or '.join(choice.negative)}: {report['films']} films of "
        f"{report['patients']} patients (near-copies counted with theirs), at most {choice.at_most} of each class and "
        f"source, drawn at random from the splits {', '.join(choice.splits)}. Where our backbone is compared, films "
        "that it has learnt from must not be among them: leave the split train out, as the configuration does.\n\n"
        f"{choice.folds} folds; in each, one of {VAL_FOLDS} parts of the rest finds the threshold (Youden's index) "
        "and, where there are epochs, the best of them. Classes count the same, and sources of a class nearly so."
        + _pictures(config)
    )


def _counts(films: Sample) -> Table:
    counts = Counter((row.label, row.source) for row in films.rows)
    patients = {key: len({r.group for r in films.rows if (r.label, r.source) == key}) for key in counts}
    return Table(
        "Films",
        ("class", "source", "films", "patients"),
        [(*key, counts[key], patients[key]) for key in sorted(counts)],
    )


def _named(each: Json) -> str:
    if "backbone" not in each:
        return str(each["name"])
    return f"{each['backbone']} ({_short(each['weights'])}), {each['recipe']}, {each['tuning']}"


def _short(weights: str) -> str:
    return weights if weights in (OURS, IMAGENET, RANDOM) else "file"


def _pictures(config: CompareConfig) -> str:
    """Name the sizes of the pictures, and the files of weights without the folders of whoever measured."""
    named = {
        f"{each.backbone} ({_short(each.weights)}) {each.size} px"
        + (f", from {PurePath(each.weights.replace(chr(92), '/')).name}" if _short(each.weights) == "file" else "")
        for each in config.entries
    }
    return f"\n\nPictures and weights: {'; '.join(sorted(named))}."


def _figures(caption: str, names: dict[str, str], shown: Sequence[Json]) -> Table:
    rows = [[_named(each), *(figure_text(each[name]) for name in names)] for each in shown]
    return Table(caption, ("what", *names.values()), rows)


def _by_source(shown: Sequence[Json]) -> Table:
    sizes = {name: each["by_source"][name]["n"] for each in shown for name in sorted(each["by_source"])}
    rows = [
        [_named(each), *(figure_text(each["by_source"].get(name, {}).get("roc_auc")) for name in sizes)]
        for each in shown
    ]
    head = ("what", *(f"{name} (n {n})" for name, n in sizes.items()))
    return Table("ROC AUC inside each source that has both classes", head, rows)


def _tuned(entries: Sequence[Json]) -> list[Json]:
    return [each for each in entries if each["tuning"] == TUNED]


def _tuning_text(config: CompareConfig) -> str:
    how = config.tuning
    return (
        "Frozen: a logistic regression on the averaged features, computed once. Fine-tuned: the same head first, then "
        f"it and the last {how.share:.0%} of the backbone's layers together, at most {how.epochs} epochs of Adam at "
        f"{how.learning_rate:g}, batches of {how.batch}; the epoch with the least validation loss is kept, 0 where the "
        "first phase was better. Batch norm keeps its statistics. Nothing is augmented. A gain whose interval holds 0 "
        "is none that these films can show."
    )


def _gains(entries: Sequence[Json]) -> Table:
    rows = [
        [
            _named(each),
            figure_text(each["gained"]), figure_text(each["gained_inside"]),
            ", ".join(map(str, each["kept_epochs"])), f"{each['seconds']:.0f}",
        ]
        for each in _tuned(entries)
    ]  # fmt: skip
    head = ("what", "AUC gained, all films", "AUC gained inside a source", "epochs kept, by fold", "seconds")
    return Table("Fine-tuned less frozen, on the same films", head, rows)


def _parameters(counted: Sequence[Json]) -> Table:
    rows = [
        (e["name"], f"{e['trainable']:,}", f"{e['total']:,}", f"{e['size_mb']:.1f}", f"{e['latency_ms']:.0f}",
         f"{e['shortest_latency_ms']:.0f}", f"{e['processor_ms']:.0f}")
        for e in counted
    ]  # fmt: skip
    head = ("backbone", "trainable: the head, 224 px", "total", "MB", "ms a picture", "shortest", "processor ms")
    return Table("Architectures with a frozen backbone under Flatten and Dense(2)", head, rows)


def _listed(counted: Sequence[Json]) -> Table:
    rows = [
        (each["name"], f"{parameters.LISTED[each['name']]:,}", f"{each['trainable']:,}", parameters.compared(each))
        for each in counted
        if each["name"] in parameters.LISTED
    ]
    head = ("backbone", "listed", "counted at 224 px", "the same?")
    return Table("Trainable parameters that the student comparison lists", head, rows)
