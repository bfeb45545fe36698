"""What a head is to learn: its labels, where it learns them, and what each radiograph says of them."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from training.config import Choices
from training.data.manifest import LABELS, Row
from xray.errors import DatasetError
from xray.networks.preprocess import Recipe

UNKNOWN = -1

Truth = NDArray[np.int64]


class Selection(Choices, frozen=True):
    """Radiographs of the manifest; an empty list of findings or sources stands for all.

    Attributes:
        labels: of the manifest.
        findings: in the publisher's words.
        sources: who published them.
    """

    labels: tuple[str, ...]
    findings: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def holds(self, row: Row) -> bool:
        """Tell whether a radiograph is one of them."""
        of_finding = not self.findings or row.finding in self.findings
        return row.label in self.labels and of_finding and (not self.sources or row.source in self.sources)


class Label(Choices, frozen=True):
    """One output of a head.

    Attributes:
        name: for machines.
        present: the radiographs that show it.
        taught: what it is taught with, where that differs from `present`.
        unknown: of the other radiographs, those of which nobody says whether they show it.
    """

    name: str
    present: tuple[Selection, ...]
    taught: tuple[Selection, ...] = ()
    unknown: tuple[Selection, ...] = ()


class HeadConfig(Choices, frozen=True, kw_only=True):
    """Choices of a head; see configs/covid_normal.toml.

    Attributes:
        name: of the model, for machines.
        title: of the model, for people.
        positive: the label that the model's own score and verdict are for.
        exclusive: whether a radiograph shows one label only.
        sources: where the head learns.
        calibrated_on: the sources whose validation radiographs calibrate it; those of `sources` by default.
        one_sided_weight: weight of a source that holds one label only, compared with all labels, beside 1 for the
            others; 0 leaves it out.
        source_power: a source's share of a label, where the head learns, is its size to this power; 0: all are alike.
        regularisation: C of the logistic regressions: the smaller, the simpler the head.
        sensitivity: share of the validation radiographs with a label that score at or above its threshold.
        error_rate: share of the validation radiographs with a label for which it may be ruled out.
        calibration_prior: how strongly calibration holds to the fitted logits, where validation radiographs are few.
        least_for_points: validation radiographs with a label, and without it, below which no operating point is chosen.
        labels: in the order of the outputs.
        others: the manifest's labels that show none of the head's, besides the usual ones.
        recipe: of the backbone.
    """

    name: str
    title: str
    positive: str
    exclusive: bool
    sources: tuple[str, ...]
    calibrated_on: tuple[str, ...] = ()
    one_sided_weight: float = 0.0
    source_power: float = 0.0
    regularisation: float
    sensitivity: float = 0.9
    error_rate: float
    calibration_prior: float = 0.0
    least_for_points: int = 0
    labels: tuple[Label, ...]
    others: tuple[str, ...] = ()
    recipe: Recipe

    def __post_init__(self) -> None:
        """Refuse a positive label that there is not."""
        if self.positive not in self.names:
            raise ValueError(f"expected `positive` as one of {', '.join(self.names)}, received {self.positive!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """The labels' names, in the order of the outputs."""
        return tuple(label.name for label in self.labels)

    @property
    def manifest_labels(self) -> tuple[str, ...]:
        """The labels of the manifest that the head asks for: the usual ones and those that it mentions."""
        mentioned = [name for each in self.labels for of in (*each.present, *each.taught) for name in of.labels]
        return tuple(dict.fromkeys((*LABELS, *mentioned, *self.others)))

    def check(self, labels: Collection[str]) -> None:
        """Refuse labels that a manifest does not have.

        Raises:
            DatasetError: naming those that there are.
        """
        if unknown := sorted(set(self.manifest_labels) - set(labels) - set(LABELS)):
            raise DatasetError(
                f"{self.name}: expected `labels` out of {', '.join(labels)}. Received: {', '.join(unknown)}."
            )


def shown(rows: Sequence[Row], config: HeadConfig) -> Truth:
    """Return what each radiograph shows: shape (n, labels), 1, 0 or UNKNOWN."""
    return _truth(rows, config, [label.present for label in config.labels])


def taught(rows: Sequence[Row], config: HeadConfig) -> Truth:
    """Return what each radiograph is taught as: shape (n, labels), 1, 0 or UNKNOWN."""
    return _truth(rows, config, [label.taught or label.present for label in config.labels])


def _truth(rows: Sequence[Row], config: HeadConfig, present: Sequence[tuple[Selection, ...]]) -> Truth:
    asked = config.manifest_labels
    truth = np.full((len(rows), len(present)), UNKNOWN, np.int64)
    for row, values in zip(rows, truth, strict=True):
        if row.label not in asked:
            continue
        found = [any(each.holds(row) for each in of) for of in present]
        if config.exclusive and sum(found) != 1:
            continue  # it shows none of the labels
        nobody_says = [any(each.holds(row) for each in label.unknown) for label in config.labels]
        values[:] = np.where(found, 1, np.where(nobody_says, UNKNOWN, 0))
    return truth
