"""How well a multi-label head finds each label: test films, sources left out, one source alone, no lungs."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.data.crops import draw_weights
from training.data.manifest import Row
from training.evaluate import baselines
from training.evaluate.baselines import BASELINES
from training.evaluate.evaluate import nulled
from training.fit.labels import LabelsConfig, fit, fit_calibrated
from training.metrics import figures
from training.metrics.discrimination import expit
from training.metrics.figures import Json
from training.metrics.thresholds import operating_point
from training.report.html import Section, Table, page
from training.report.markdown import FIGURES, figure_text
from xray.errors import DatasetError
from xray.prediction import in_words

READ = """Each label against the films without it; films of which nobody says are left out of its figures. A film may
show several: one of COVID-19 is abnormal and viral as well. Patients kept apart; the test part was scored once. Each
label learned in sources that hold both sides of it; the backbone below saw every source. The rows without lungs tell
how much the hospital gives away."""


def judged(
    config: LabelsConfig, rows: Sequence[Row], inputs: NDArray[np.float32], truths: NDArray[np.int64], manifest: Path
) -> Json:
    """Return each label's figures (`test`, `left_out`, `inside`, `baselines`), and which labels films show together.

    Args:
        config: the labels.
        rows: all films.
        inputs: their averaged features, shape (n, views, channels).
        truths: 1, 0 or unknown (-1), shape (n, labels).
        manifest: of the films.
    """
    table = pd.DataFrame([asdict(row) for row in rows])
    found = {
        name: _label(config, rows, inputs, truths[:, index], table, manifest) for index, name in enumerate(config.names)
    }
    test = (table.split == "test").to_numpy()
    known = truths[test]
    together = [[int(((a == 1) & (b == 1)).sum()) for b in known.T] for a in known.T]
    report: Json = nulled({"interval": figures.INTERVAL, "labels": found, "together": together})
    return report


def _label(
    config: LabelsConfig,
    rows: Sequence[Row],
    inputs: NDArray[np.float32],
    truth: NDArray[np.int64],
    table: pd.DataFrame,
    manifest: Path,
) -> Json:
    head, point = fit_calibrated(inputs, truth, rows, config)
    scored = table.assign(y_true=truth, y_score=expit(head.logits(inputs[:, 0])))[truth >= 0]
    test = scored[scored.split == "test"]
    left_out, inside = {}, {}
    for name in sorted(set(table.source)):
        try:
            other, at = fit_calibrated(inputs, truth, rows, config, name)
            part = table.assign(y_true=truth, y_score=expit(other.logits(inputs[:, 0])))
            part = part[(truth >= 0) & (part.source == name).to_numpy() & (part.split != "train").to_numpy()]
            left_out[name] = figures.measure(part, at.threshold)
        except DatasetError:
            pass  # nothing is left to learn it from
        try:
            alone = fit(inputs, truth, rows, config, [name])
        except DatasetError:
            continue
        part = table.assign(y_true=truth, y_score=expit(alone.logits(inputs[:, 0])))
        part = part[(truth >= 0) & (part.source == name).to_numpy() & (part.split == "test").to_numpy()]
        inside[name] = figures.measure(part, 0.5)
    sources = {name: figures.measure(part, point.threshold) for name, part in test.groupby("source")}
    return {
        "threshold": point.threshold,
        "test": {"all": figures.measure(test, point.threshold), "sources": sources},
        "verdicts": {
            kind: figures.verdicts(test[test.y_true == y], point) for kind, y in (("with", 1), ("without", 0))
        },
        "left_out": left_out,
        "inside": inside,
        "baselines": _baselines(table.assign(y_true=truth), manifest),
    }


def _baselines(table: pd.DataFrame, manifest: Path) -> Json:
    origin, pictures = baselines.thumbnails(manifest)
    known = (table.y_true >= 0).to_numpy()
    rows, found = table[known], {}
    # Balanced by the label, whatever the manifest's class.
    rows = rows.assign(label=rows.y_true.astype(str))
    for index, name in enumerate(BASELINES):
        key = hashlib.sha256(repr((origin.name, "label", table.y_true.tolist())).encode()).hexdigest()[:12]
        path = baselines.CACHE / f"{name}-{key}.npy"
        if not path.exists():
            np.save(path, baselines.fit(pictures[index][known], rows))
        scored = rows.assign(y_score=np.load(path))
        val, test = scored[scored.split == "val"], scored[scored.split == "test"]
        point = operating_point(val.y_true, val.y_score, draw_weights(list(val.label), list(val.source)))
        found[name] = figures.measure(test, point.threshold)
    return found


def html(title: str, report: Json) -> str:
    """Return the report for people."""
    names = list(report["labels"])
    together = [[in_words(name), *counts] for name, counts in zip(names, report["together"], strict=True)]
    shown = Table("Test films that show both", ("label", *map(in_words, names)), together)
    parts = [Section("What films show", READ, [shown])]
    for name, found in report["labels"].items():
        rows = {"network, all sources": found["test"]["all"]}
        rows |= {f"no lung: {BASELINES[key]}": row for key, row in found["baselines"].items()}
        rows |= {f"network, {key}": row for key, row in found["test"]["sources"].items()}
        rows |= {f"{key} left out": row for key, row in found["left_out"].items()}
        rows |= {f"learned and judged in {key} alone": row for key, row in found["inside"].items()}
        parts.append(
            Section(
                in_words(name),
                f"At or above {found['threshold']:.3f} a film counts as showing it.",
                [table_of(f"Figures. {report['interval']}", rows), _verdicts(found["verdicts"])],
            )
        )
    return page(title, parts)


def table_of(caption: str, rows: Json) -> Table:
    """List figures by the name of the part that they are of."""
    cells = [
        [name, row["n"], row["positives"], *(figure_text(row[key]) for key in FIGURES)] for name, row in rows.items()
    ]
    return Table(caption, ("films of", "n", "with it", *FIGURES.values()), cells)


def _verdicts(found: Json) -> Table:
    return Table(
        "Verdicts on test films", ("films", *found["with"]), [[key, *row.values()] for key, row in found.items()]
    )
