"""The tables of the tutorial's rerun: what is wrong, what sees no lung, patients kept apart, chance."""

from collections.abc import Mapping

from training.evaluate.baselines import BASELINES
from training.metrics.figures import Json
from training.report.html import Table
from training.report.markdown import figure_text
from training.studies.tutorial_2020 import figures, flaws, numbers
from training.studies.tutorial_2020.images import TEST, Films
from training.studies.tutorial_2020.plan import KEPT, MODELS
from training.studies.tutorial_2020.rerun import Trained


def title(head: Trained) -> str:
    """Name a head: Model 1, first."""
    return f"{MODELS[head.settings.model]}, {head.settings.name}"


def shared(counted: Mapping[str, Json]) -> Table:
    """Count, for each test and each part that a kept model read, the films that training knows."""
    rows = []
    for key, found in counted.items():
        parts = {"test": found["test"]}
        if key.endswith(KEPT):
            parts |= {numbers.PARTS[name]: same for name, same in found["read"].items()}
        model, name = key.rsplit("_", 1)
        rows += [
            (
                f"{MODELS[model]}, {name}: {part}", f"{same['n']} ({same['patients']})",
                same["same_patient"], same["same_film"],
            )
            for part, same in parts.items()
        ]  # fmt: skip
    return Table(
        "Films that training knows",
        ("read by", "films (patients)", "of a patient who was trained on, or a near-copy", "trained on themselves"),
        rows,
    )


def ages(films: Films) -> Table:
    """Say who is on the films of each class, and how large the files are."""
    rows = []
    for name, part in (("COVID-19", "covid"), ("normal", "normal"), ("pneumonia", "pneumonia")):
        found = flaws.ages(films, part)
        if found["stated"]:
            said = f"{found['adults']} adults of {found['stated']} stated, median {found['median_years']:.0f} years"
        else:
            said = "not stated by film; the publisher says children of one to five years"
        patients = len({films.crops.rows[i].patient_id for i in films.parts[part]})
        rows.append((name, f"{found['n']} ({patients})", said, _sizes(films, part)))
    return Table(
        "Who is on the films that the models are made from", ("class", "films (patients)", "age", "files"), rows
    )


def _sizes(films: Films, part: str) -> str:
    rows = [films.crops.rows[i] for i in films.parts[part]]
    sizes = sorted({(row.width, row.height) for row in rows})
    if len(sizes) == 1:
        return f"all {sizes[0][0]} × {sizes[0][1]} px"
    return f"{len(sizes)} sizes, {sum(row.width == row.height for row in rows)} of the files square"


def blind(heads: Mapping[str, Trained], counted: Mapping[str, Json]) -> Table:
    """Set each head beside predictors that see no lung."""
    rows = []
    for key, head in heads.items():
        read = [part for part in TEST.values() if part in head.parts]
        called = [figures.of_reading(head.parts[part])["called"] for part in read]
        found = {"the network": figures.of_test(head.test) | dict(zip(read, called, strict=True))}
        found |= {BASELINES[name]: row for name, row in counted[key]["no_lung"].items()}
        rows += [
            (
                f"{title(head)}: {who}",
                *(figure_text(row[name]) for name in figures.NAMES),
                *(f"{row[part]} of {len(head.parts[part])}" if part in row else "–" for part in TEST.values()),
            )
            for who, row in found.items()
        ]  # fmt: skip
    return Table(
        "Test films, and films of the test folder that were called COVID-19",
        ("predictor", *figures.NAMES, "normal called so", "pneumonia"),
        rows,
    )


def apart(found: Mapping[str, Mapping[str, Json]], heads: Mapping[str, Trained]) -> Table:
    """Give the figures of cross-validation, the heads beside what sees no lung."""
    rows = [
        (
            title(heads[key]), BASELINES.get(who, "the network"), f"{row['n']} ({row['patients']})",
            *(figure_text(row[name]) for name in figures.NAMES),
        )
        for key, rows in found.items()
        for who, row in rows.items()
    ]  # fmt: skip
    return Table("Cross-validation, patients apart", ("model", "predictor", "n (patients)", *figures.NAMES), rows)


def again(key: str, found: list[Json]) -> Table:
    """Give the figures of one set with every seed."""
    model, name = key.rsplit("_", 1)
    rows = [
        (
            each["run"], *(f"{each['test'][name]['value']:.3f}" for name in figures.NAMES),
            *(each["called"].get(part, "–") for part in TEST.values()),
        )
        for each in found
    ]  # fmt: skip
    return Table(
        f"{MODELS[model]}, {name}; of the test folder, the films that were called COVID-19",
        ("run", *figures.NAMES, "normal called so", "pneumonia called so"),
        rows,
    )


def collection(rows: list[Json]) -> Table:
    """Set the counts of the collection beside those of the article."""
    return Table(
        "Cohen's collection",
        ("what", "the article's", "here"),
        [(row["what"], row["article"], row["ours"]) for row in rows],
    )
