"""Train and judge a multi-label head: `python -m training head training/configs/findings.toml`.

Each label learns from the sources that hold films with and without it; see training/fit/labels.py. Writes runs/<name>/:
config.json, head.npz (as it is served, calibrated), points.json (chosen on the validation split), report.json and
report.html.
"""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from training import run
from training.command import head_parser, run_of
from training.config import load
from training.data.crops import crops
from training.fit.contrast import views
from training.fit.labels import LabelsConfig, films, fit_calibrated
from training.report import label_report


def train(config: LabelsConfig, manifest: Path, weights: str, folder: Path) -> None:
    """Train one head, judge it, and write its run."""
    folder.mkdir(parents=True, exist_ok=True)
    data = crops(manifest, config.recipe)
    inputs = views(data, config.recipe, weights)
    truths = np.array([[label.of(row) for label in config.labels] for row in data.rows])
    fitted = [fit_calibrated(inputs, truth, data.rows, config) for truth in truths.T]
    facts = run.describe(config, manifest)
    run.write_json(folder / "config.json", {**facts, "weights": weights, "films": films(data.rows, truths, config)})
    named = {name: asdict(point) for name, (_, point) in zip(config.names, fitted, strict=True)}
    run.write_json(folder / "points.json", named)
    arrays = {
        "output_kernel": np.stack([head.kernel for head, _ in fitted], axis=1).astype(np.float32),
        "output_bias": np.array([head.bias for head, _ in fitted], np.float32),
    }
    run.write_arrays(folder / "head.npz", arrays)
    report = label_report.judged(config, data.rows, inputs, truths, manifest)
    run.write_json(folder / "report.json", {**report, "manifest_sha256": facts["manifest_sha256"]})
    (folder / "report.html").write_text(label_report.html(config.title, report), encoding="utf-8")
    print(
        f"{folder}/report.html:",
        *(f"{name} from {point.threshold:.3f}" for name, (_, point) in zip(config.names, fitted, strict=True)),
    )


def main() -> None:
    """Read the command line and train."""
    args = head_parser(__doc__).parse_args()
    config = load(args.config, LabelsConfig)
    train(config, args.manifest, args.backbone, run_of(args, config.name))


if __name__ == "__main__":
    main()
