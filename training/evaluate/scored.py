"""The scores of a head on radiographs whose labels are known, and every figure that follows from them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.fit.head_config import UNKNOWN, HeadConfig
from training.metrics import figures
from training.metrics.discrimination import Floats, bootstrap, roc_auc, sensitivity, specificity, wilson
from training.metrics.figures import Json
from xray.head_figures import MEAN, UNDECIDED
from xray.networks.heads import by_edges
from xray.networks.metadata import OperatingPoint

# Scores are rounded before they are judged, as serving does.
DECIMALS = 4
VERDICTS = ("NEGATIVE", "INCONCLUSIVE", "POSITIVE")
SIDES = {"positive": 1, "negative": 0}
VIEWS = ("AP", "PA")
NOT_STATED = "not stated"


@dataclass(frozen=True, eq=False)
class Scored:
    """The scores of a head.

    Attributes:
        labels: of the head.
        points: their operating points.
        exclusive: whether a radiograph shows one label only.
        positive: the label that the head's own score is for.
        table: one row a radiograph, with source, label, patient_id, group, split, upstream_split, view, sex, age_years.
        truth: shape (n, labels), 1, 0 or UNKNOWN.
        scores: shape (n, labels), in [0, 1].
    """

    labels: tuple[str, ...]
    points: tuple[OperatingPoint, ...]
    exclusive: bool
    positive: str
    table: pd.DataFrame
    truth: NDArray[np.int64]
    scores: Floats

    @classmethod
    def of(
        cls,
        config: HeadConfig,
        points: Sequence[OperatingPoint],
        table: pd.DataFrame,
        truth: NDArray[np.int64],
        scores: Floats,
    ) -> "Scored":
        """Return the scores of a trained head; the arguments are the attributes, where `config` does not say them."""
        return cls(config.names, tuple(points), config.exclusive, config.positive, table, truth, scores)

    @property
    def own(self) -> int:
        """Index of the positive label."""
        return self.labels.index(self.positive)

    @property
    def is_pair(self) -> bool:
        """Whether one score says both labels."""
        return self.exclusive and len(self.labels) == 2

    @property
    def measured(self) -> tuple[str, ...]:
        """The labels that have figures: of a pair the positive one; of more exclusive ones also their mean."""
        if self.is_pair:
            return (self.positive,)
        return (*self.labels, MEAN) if self.exclusive else self.labels

    def part(self, chosen: NDArray[np.bool_] | pd.Series) -> "Scored":
        """Return the scores of some radiographs."""
        where = np.asarray(chosen, bool)
        return replace(self, table=self.table[where], truth=self.truth[where], scores=self.scores[where])

    def at(self, paths: Sequence[str]) -> "Scored":
        """Return the scores of some radiographs by their paths, in that order."""
        place = {path: index for index, path in enumerate(self.table.path)}
        where = np.array([place[path] for path in paths], int)
        table = self.table.iloc[where].reset_index(drop=True)
        return replace(self, table=table, truth=self.truth[where], scores=self.scores[where])

    @property
    def known(self) -> "Scored":
        """The radiographs of which some label is known."""
        return self.part((self.truth != UNKNOWN).any(axis=1))

    def figures(self) -> Json:
        """Return the figures of each measured label; see `measure` and `mean`."""
        return {label: self.mean() if label == MEAN else self.measure(label) for label in self.measured}

    def measure(self, label: str) -> Json:
        """Return the figures of one label against the others, as `training.metrics.figures.measure` does.

        A pair, and labels that do not exclude each other, are called from their threshold up; of more exclusive labels
        the one with the highest score is called.
        """
        rows = self.of_label(label)
        found = figures.measure(rows.assign(y_score=rows.called), 0.5)
        return {**found, "roc_auc": figures.area(rows) if rows.y_true.nunique() > 1 else None}

    def of_label(self, label: str) -> pd.DataFrame:
        """Return the rows of which the label is known, with y_true, y_score and called (1 or 0)."""
        index = self.labels.index(label)
        rows = self.table.assign(
            y_true=self.truth[:, index], y_score=self.scores[:, index], called=self._called[:, index].astype(float)
        )
        return rows[self.truth[:, index] != UNKNOWN]

    @property
    def _called(self) -> NDArray[np.bool_]:
        if self.exclusive and not self.is_pair:
            return np.asarray(self.scores.argmax(axis=1)[:, None] == np.arange(len(self.labels)))
        return np.asarray(self.scores >= [point.threshold for point in self.points])

    def mean(self) -> Json:
        """Return the mean figures of exclusive labels, over those that some radiograph shows, and the accuracy."""
        truth, called, scores = self.truth, self._called.astype(float), self.scores
        present = [index for index in range(len(self.labels)) if truth[:, index].any()]

        def over(metric: Any, values: Floats, **how: float) -> Any:  # noqa: ANN401 - a metric of discrimination
            def of(_: object, __: object, *, weight: object = None) -> Any:  # noqa: ANN401
                return np.mean([metric(truth[:, k], values[:, k], weight=weight, **how) for k in present], axis=0)

            return of

        right = (called * truth).sum(axis=1)
        metrics = {
            "roc_auc": over(roc_auc, scores),
            "sensitivity": over(sensitivity, called, threshold=0.5),
            "specificity": over(specificity, called, threshold=0.5),
            "accuracy": lambda _, __, *, weight=None: sensitivity(
                np.ones(len(right)), right, threshold=0.5, weight=weight
            ),
        }
        needs_two = ("roc_auc", "specificity")
        return {
            "n": len(self.table),
            "patients": self.table.patient_id.nunique(),
            "groups": self.table.group.nunique(),
            **{
                name: self._with_interval(metric) if len(present) > (name in needs_two) else None
                for name, metric in metrics.items()
            },
        }

    def _with_interval(self, metric: Any) -> Json:  # noqa: ANN401 - a metric of discrimination
        """Return a figure with its interval: Wilson's over the groups where the bootstrap has no width."""
        groups, value = self.table.group, float(metric(None, None))
        low: float | None = None
        high: float | None = None
        if groups.nunique() > 1:
            low, high = bootstrap(self.truth, self.scores, list(groups), metric, repeats=figures.REPEATS)
        if low == high:
            low, high = wilson(value * groups.nunique(), groups.nunique())
        return {"value": value, "low": low, "high": high}

    def slices(self) -> Json:
        """Return, for each measured label, the figures of all radiographs and by source, view, sex and age."""
        table = self.table
        found = {kind: self.by(kind) for kind in ("sources", "views", "source_views", "sexes", "ages")}
        children = self.part((table.source == "kermany") & (table.upstream_split == "test"))
        of_children = children.figures() if len(children.table) else dict.fromkeys(self.measured)
        return {
            label: {
                "all": all_of_them,
                **{kind: {name: by[label] for name, by in parts.items()} for kind, parts in found.items()},
                "children": of_children[label],
            }
            for label, all_of_them in self.figures().items()
        }

    def by(self, kind: str) -> dict[str, Json]:
        """Return the figures of each part of the radiographs: sources, views, source_views, sexes or ages."""
        table = self.table
        views = table["view"].map(lambda view: view.split()[0] if view else "")  # AP, supine or not
        names = {
            "sources": table.source,
            "views": views.replace("", NOT_STATED),
            "source_views": (table.source + ", " + views)[views.isin(VIEWS)],
            "sexes": table.sex.replace("", NOT_STATED),
            "ages": table.age_years.map(figures.age_group),
        }[kind]
        if (names == NOT_STATED).all():
            return {}
        return {str(name): self.part(table.index.isin(rows.index)).figures() for name, rows in table.groupby(names)}

    def called(self, part: str, by: Sequence[str]) -> list[Json]:
        """Count, for each true label and whatever else, which label exclusive heads call, or none.

        Args:
            part: name of the radiographs: test, held_out or left_out.
            by: other columns of the table.
        """
        if not self.exclusive:
            return []
        names, known = np.array([*self.labels, UNDECIDED]), self.known
        rows = known.table.assign(
            label=names[known.truth.argmax(axis=1)],
            said=names[known.judged],
            y_score=known.scores[:, self.own],
        )
        threshold = self.points[self.own].threshold
        return [
            {
                "part": part,
                "source": None,
                **dict(zip(["label", *by], keys, strict=True)),
                "n": len(found),
                "patients": found.patient_id.nunique(),
                "called_positive": figures.share_positive(found, threshold),
                "called": {str(name): int((found.said == name).sum()) for name in names},
            }
            for keys, found in rows.groupby(["label", *by])
        ]

    @property
    def shown(self) -> list[str | None]:
        """The label that each radiograph shows, of labels that exclude each other; None where it shows none of them."""
        return [self.labels[row.argmax()] if 1 in row else None for row in self.truth]

    @property
    def judged(self) -> NDArray[np.int64]:
        """Index of the only plausible label of each radiograph; that after the last label where none or several are."""
        return np.where(self._plausible.sum(axis=1) == 1, self._plausible.argmax(axis=1), len(self.labels))

    @property
    def _plausible(self) -> NDArray[np.bool_]:
        return np.asarray(self.scores.round(DECIMALS) >= [point.negative_below for point in self.points])

    def confusion(self) -> Json | None:
        """Count which label was called of which, by score and by verdict; None but for several exclusive labels."""
        if self.is_pair or not self.exclusive:
            return None
        truth = self.truth.argmax(axis=1)

        def counts(said: NDArray[np.int64], columns: int) -> list[list[int]]:
            table = np.zeros((len(self.labels), columns), int)
            np.add.at(table, (truth, said), 1)
            return [[int(count) for count in row] for row in table]

        return {
            "labels": list(self.labels),
            "highest": counts(self.scores.argmax(axis=1), len(self.labels)),
            "called": counts(self.judged, len(self.labels) + 1),
            "covered": float(self._plausible[np.arange(len(truth)), truth].mean()),
        }

    def curves(self) -> Json:
        """Return for each label ROC curve and verdicts of the test split, and histograms of validation and test."""
        test = self.part(self.table.split == "test")
        return {
            label: {
                "roc": figures.roc(test.of_label(label)),
                "score_histograms": figures.histograms(self.of_label(label)),
                "verdicts": test.verdicts(label),
            }
            for label in self.measured
            if label != MEAN
        }

    def verdicts(self, label: str) -> Json:
        """Count the verdicts for one label, by truth, as serving gives them."""
        index, point = self.labels.index(label), self.points[self.labels.index(label)]
        if self.exclusive:
            none = self.judged == len(self.labels)
            said = np.where(none, 1, np.where(self.judged == index, 2, 0))
        else:
            scores = self.scores[:, index].round(DECIMALS).tolist()
            judged = [by_edges(score, point.negative_below, point.positive_from) for score in scores]
            said = np.array([VERDICTS.index(verdict) for verdict in judged], int)
        return {
            name: {side: int(((said == code) & (self.truth[:, index] == y)).sum()) for side, y in SIDES.items()}
            for code, name in reversed(list(enumerate(VERDICTS)))
        }
