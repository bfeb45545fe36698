"""The labels of a multi-label head: which films show them, and how each is learned.

A film may show several. Each label has a logistic regression of its own on the frozen backbone's averaged features,
from sources that hold films with and without it: there, to know the hospital helps nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data.crops import draw_weights
from training.data.manifest import Row
from training.fit.contrast import EQUAL
from training.fit.linear import Linear, fit_views
from training.metrics import calibration
from training.metrics.discrimination import expit
from training.metrics.thresholds import OperatingPoint
from xray.errors import DatasetError
from xray.networks.preprocess import Recipe

UNKNOWN = -1


@dataclass(frozen=True)
class Films:
    """Some films of the manifest; an empty list of findings or sources stands for all.

    Attributes:
        labels: of the manifest.
        findings: in the publisher's words.
        sources: who published them.
    """

    labels: tuple[str, ...]
    findings: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def hold(self, row: Row) -> bool:
        """Tell whether a film is one of them."""
        of_finding = not self.findings or row.finding in self.findings
        return row.label in self.labels and of_finding and (not self.sources or row.source in self.sources)


@dataclass(frozen=True)
class Label:
    """One output.

    Attributes:
        name: of the label, for machines.
        present: the films that show it.
        unknown: of the others, those of which nobody says; all that are left do not show it.
    """

    name: str
    present: tuple[Films, ...]
    unknown: tuple[Films, ...] = ()

    def of(self, row: Row) -> int:
        """Return 1 where a film shows the label, 0 where it does not, UNKNOWN where nobody says."""
        if any(films.hold(row) for films in self.present):
            return 1
        return UNKNOWN if any(films.hold(row) for films in self.unknown) else 0


@dataclass(frozen=True)
class LabelsConfig:
    """Choices of this step; see configs/findings.toml.

    Attributes:
        name: of the model, for machines.
        title: of the model, for people.
        positive: name of the label that the model's own verdict is for.
        sources: where the head learns.
        regularisation: C of the logistic regressions: the smaller, the simpler the head.
        sensitivity: share of the validation films with a label that its threshold finds.
        error_rate: of either side, that the INCONCLUSIVE band leaves to the verdicts; see `calibrate.operating_point`.
        labels: in the order of the outputs.
        recipe: of the backbone.
    """

    name: str
    title: str
    positive: str
    sources: tuple[str, ...]
    regularisation: float
    sensitivity: float
    error_rate: float
    labels: tuple[Label, ...]
    recipe: Recipe

    @property
    def names(self) -> tuple[str, ...]:
        """The labels' names, in the order of the outputs."""
        return tuple(label.name for label in self.labels)


def fit(
    inputs: NDArray[np.float32],
    truth: NDArray[np.int64],
    rows: Sequence[Row],
    config: LabelsConfig,
    sources: Sequence[str],
) -> Linear:
    """Fit one label on train films of the sources that hold both sides of it, each side counting the same.

    Args:
        inputs: averaged features of all films, shape (n, views, channels).
        truth: 1, 0 or UNKNOWN of each film, shape (n,).
        rows: all films.
        config: regularisation.
        sources: that may be learned from.

    Raises:
        DatasetError: no source holds both sides.
    """
    of = np.array([row.source for row in rows])
    train = np.array([row.split == "train" for row in rows]) & (truth != UNKNOWN)
    both = [name for name in sources if len(np.unique(truth[train & (of == name)])) == 2]
    if not both:
        raise DatasetError(f"Expected a source with films that show the label and others. Received {list(sources)}.")
    used = np.flatnonzero(train & np.isin(of, both))
    weight = draw_weights([str(y) for y in truth[used]], list(of[used]), EQUAL) * len(used)
    return fit_views(inputs[used], truth[used], weight, config.regularisation)


def fit_calibrated(
    inputs: NDArray[np.float32],
    truth: NDArray[np.int64],
    rows: Sequence[Row],
    config: LabelsConfig,
    left_out: str | None = None,
) -> tuple[Linear, OperatingPoint]:
    """Learn one label, then calibrate it and choose its operating point on validation films of every source.

    Args:
        inputs: as `fit`.
        truth: as `fit`.
        rows: as `fit`.
        config: as `fit`, with sensitivity and error rate.
        left_out: a source of which nothing is used.
    """
    head = fit(inputs, truth, rows, config, [name for name in config.sources if name != left_out])
    usable = np.array([row.split == "val" and row.source != left_out for row in rows]) & (truth != UNKNOWN)
    val = np.flatnonzero(usable)
    weight = draw_weights([str(y) for y in truth[val]], [rows[i].source for i in val])
    head = head.calibrated(calibration.platt(head.logits(inputs[val, 0]), truth[val], weight))
    scores = expit(head.logits(inputs[val, 0]))
    point = calibration.operating_point(
        truth[val] == 1, scores, weight, sensitivity=config.sensitivity, error_rate=config.error_rate
    )
    return head, point


def films(rows: Sequence[Row], truths: NDArray[np.int64], config: LabelsConfig) -> list[dict[str, object]]:
    """Return how many films and patients with each label every split and source holds."""
    cells: dict[tuple[str, str, str], list[str]] = {}
    for row, shown in zip(rows, truths, strict=True):
        if row.split != "train" or row.source in config.sources:
            for name in np.array(config.names)[shown == 1]:
                cells.setdefault((row.split, row.source, str(name)), []).append(row.patient_id)
    return [
        {"split": split, "source": source, "label": label, "films": len(of), "patients": len(set(of))}
        for (split, source, label), of in sorted(cells.items())
    ]
