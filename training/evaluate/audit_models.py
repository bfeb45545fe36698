"""The two models under audit, and what features alone tell of them: sources left out, folds, counts."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.config import CONFIGS, load
from training.evaluate import leave_one_out
from training.evaluate.leave_one_out import Films
from training.fit.contrast import ContrastConfig, contrast, fit_split
from training.fit.linear import Linear
from training.metrics import calibration, figures
from training.metrics.discrimination import expit
from training.metrics.figures import Json
from training.metrics.thresholds import OperatingPoint

MODELS = ("covid_normal", "covid_pneumo")


@dataclass(frozen=True, eq=False)
class Model:
    """One of the two models under audit: its contrast, its head, its operating point."""

    config: ContrastConfig
    head: Linear
    point: OperatingPoint


def audited(films: Films) -> dict[str, Model]:
    """Train both heads again, which gives the very ones of their runs."""
    found = {}
    for name in MODELS:
        config = load(CONFIGS / f"{name}.toml", ContrastConfig)
        found[name] = Model(config, *fit_split(films.inputs, films.rows, config))
    return found


def judged(films: Films, model: Model) -> Json:
    """Return everything that features alone can tell of one model."""
    truth = leave_one_out.two_labels(films.rows, model.config)
    table = leave_one_out.scored(films, model.head, truth)
    test = table[table.split == "test"]
    taught = leave_one_out.scored(films, model.head, contrast(films.rows, model.config))
    whole = figures.measure(test, model.point.threshold)
    return {
        "title": model.config.title,
        "threshold": model.point.threshold,
        "band": [model.point.low, model.point.high],
        "contrast": f"{' or '.join(model.config.taught_positive)} against {' or '.join(model.config.taught_negative)}",
        "sources": list(model.config.sources),
        "leave_one_source_out": leave_one_out.leave_one_source_out(films, model.config),
        "cross_validation": leave_one_out.cross_validation(films, model.config),
        "inside": leave_one_out.inside(films, model.config),
        "test": figures.slices(test, model.point.threshold),
        "taught_test": figures.slices(taught[taught.split == "test"], model.point.threshold),
        "calibration": leave_one_out.worth(taught[taught.split == "test"], model.point),
        "calibration_of_labels": leave_one_out.worth(test, model.point),
        "predictive_values": calibration.predictive_values(
            whole["sensitivity"]["value"], whole["specificity"]["value"]
        ),
    }


def together(films: Films, models: Mapping[str, Model]) -> list[Json]:
    """Return how many test films of each class and source each model, and both together, put at COVID."""
    table = films.table
    scores = {name: expit(model.head.logits(films.inputs[:, 0])) for name, model in models.items()}
    above = _and_both({name: scores[name] >= model.point.threshold for name, model in models.items()})
    positive = _and_both({name: scores[name] >= model.point.high for name, model in models.items()})
    test = (table.split == "test").to_numpy()
    children = test & (table.upstream_split == "test").to_numpy()
    found = []
    for (label, source), rows in table[test].groupby(["label", "source"]):
        found.append(_counted(f"{label}, {source}", rows.index.to_numpy(), above, table, positive))
    for label in ("normal", "pneumonia"):
        chosen = np.flatnonzero(children & (table.label == label).to_numpy())
        if len(chosen):
            found.append(_counted(f"{label}, the children's published test part", chosen, above, table, positive))
    return found


def _and_both(flags: Mapping[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.bool_]]:
    return {**flags, "both": np.logical_and(*(flags[name] for name in MODELS))}


def _counted(
    name: str,
    chosen: NDArray[np.intp],
    above: Mapping[str, NDArray[np.bool_]],
    table: pd.DataFrame,
    positive: Mapping[str, NDArray[np.bool_]],
) -> Json:
    """Count the films at or above the threshold, and those of them that get the verdict POSITIVE."""
    part = table.iloc[chosen]
    shares = {
        model: figures.share_positive(part.assign(y_true=1, y_score=flags[chosen].astype(float)), 0.5)
        for model, flags in above.items()
    }
    counts = {model: int(flags[chosen].sum()) for model, flags in above.items()}
    return {
        "films": name,
        "n": len(chosen),
        "patients": part.patient_id.nunique(),
        "called": counts,
        "share": shares,
        "positive": {model: int(flags[chosen].sum()) for model, flags in positive.items()},
    }


def without_nih(films: Films, models: Mapping[str, Model]) -> Json:
    """Judge adults of nih by heads, thresholds and calibration that never saw a film of nih."""
    found = {}
    for name, label in zip(MODELS, ("normal", "pneumonia"), strict=True):
        config = models[name].config
        head, point = fit_split(films.inputs, films.rows, config, "nih")
        scores, table = expit(head.logits(films.inputs[:, 0])), films.table
        above, positive = {"share": scores >= point.threshold}, {"share": scores >= point.high}
        unseen = ((table.source == "nih") & (table.label == label) & (table.split != "train")).to_numpy()
        covid = ((table.source == "cohen") & (table.label == "covid") & (table.split == "test")).to_numpy()
        found[name] = {
            "threshold": point.threshold,
            f"nih {label} called COVID": _counted(label, np.flatnonzero(unseen), above, table, positive),
            "cohen COVID found": _counted("covid", np.flatnonzero(covid), above, table, positive),
        }
    return found
