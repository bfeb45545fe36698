"""What is wrong with the tutorial's figures, counted on the films at hand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.data import manifest
from training.evaluate import baselines
from training.metrics.discrimination import Floats
from training.metrics.figures import Json
from training.studies.tutorial_2020.head import Pool
from training.studies.tutorial_2020.images import Films

ADULT_YEARS = 18


def shared(films: Films, trained: NDArray[np.intp], tested: NDArray[np.intp]) -> Json:
    """Count the tested films that training knows: the same film, or another of its patient.

    Args:
        films: all of them.
        trained: positions of what a head learned from.
        tested: positions of what it was tested on.

    Returns:
        n, patients; same_film, same_patient (near-copies too), and same_patient_covid: numbers of tested films.
    """
    known = np.isin(films.groups(tested), films.groups(trained))
    covid = np.array([films.crops.rows[i].label == "covid" for i in tested], bool)
    return {
        "n": len(tested),
        "patients": len({films.crops.rows[i].patient_id for i in tested}),
        "same_film": int(np.isin(tested, trained).sum()),
        "same_patient": int(known.sum()),
        "same_patient_covid": int((known & covid).sum()),
    }


def learned_by_backbone(films: Films, tested: NDArray[np.intp], learned: frozenset[str] | None) -> int | None:
    """Count the tested films that the backbone itself was trained on, with their labels; None where nobody knows."""
    return None if learned is None else sum(films.crops.rows[i].sha256 in learned for i in tested)


def learned_from(table: Path) -> frozenset[str] | None:
    """Return the hashes of the films that our backbone learned from, as the manifest lists them; None without one."""
    if not table.is_file():
        return None
    return frozenset(row.sha256 for row in manifest.read(table) if row.split == "train")


def ages(films: Films, part: str) -> Json:
    """Return of how many films of a part the age is stated, how many of those are adults', and their median age."""
    rows = [films.crops.rows[i] for i in films.parts[part]]
    years = np.array([float(row.age_years) for row in rows if row.age_years.replace(".", "").isdigit()])
    return {
        "n": len(rows),
        "stated": len(years),
        "adults": int((years >= ADULT_YEARS).sum()),
        "median_years": float(np.median(years)) if len(years) else None,
    }


def collection(records: Sequence[dict[str, str]]) -> list[Json]:
    """Count the collection's table as the tutorial does: what, and how many there are today."""
    films = [row for row in records if row["modality"] == "X-ray"]
    covid = [row for row in films if row["finding"].split("/")[-1] == "COVID-19"]
    views = {
        name: sum(row["view"] == name for row in covid) for name in ("PA", "AP", "AP Supine", "L", "AP semi erect")
    }
    patients = len({row["patientid"] for row in covid if row["view"] == "PA"})
    counts = [
        ("rows of the table", 354, len(records)),
        ("X-ray pictures", 310, len(films)),
        ("CT pictures", 44, sum(row["modality"] == "CT" for row in records)),
        ("X-ray pictures of COVID-19", 235, len(covid)),
        ("of these PA", 142, views["PA"]),
        ("of these AP", 39, views["AP"]),
        ("of these AP supine", 33, views["AP Supine"]),
        ("of these lateral", 20, views["L"]),
        ("of these AP half upright", 1, views["AP semi erect"]),
        ("patients of the PA pictures", 96, patients),
    ]
    return [{"what": what, "article": article, "ours": ours} for what, article, ours in counts]


def blind_scores(
    films: Films, pool: Pool, train: NDArray[np.intp], others: NDArray[np.intp]
) -> dict[str, tuple[Floats, Floats]]:
    """Score films by logistic regressions that see no lung, fitted on the films that a head learned from.

    Args:
        films: all of them.
        pool: a model's films.
        train: positions in the pool.
        others: positions in the films, to be scored too.

    Returns:
        By baseline: scores of the whole pool, and of the others.
    """
    split = np.where(np.isin(np.arange(len(pool.y)), train), "train", "test")
    positions = np.concatenate([pool.positions, others])
    rows = [films.crops.rows[i] for i in positions]
    table = pd.DataFrame(
        {
            "split": np.concatenate([split, np.full(len(others), "other")]),
            "label": [row.label for row in rows],
            "source": [row.source for row in rows],
            "y_true": [int(row.label == "covid") for row in rows],
        }
    )
    found = {}
    for name, pictures in zip(baselines.BASELINES, films.blind, strict=True):
        scores = baselines.fit(pictures[positions], table)
        found[name] = scores[: len(pool.y)], scores[len(pool.y) :]
    return found
