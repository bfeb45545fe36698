"""The model card of an artefact, written from its metadata.

Source:
    Mitchell et al. 2019, Model Cards for Model Reporting, arXiv:1810.03993.
"""

from collections.abc import Callable

from training.figures import Json
from training.report import FIGURES, by_name, called_table, figure_cells, table

USE = """## Use

For education and research: to see what such a network does, and where it fails. **Never for diagnosis**, triage or
any decision about a person. Not a medical device. Frontal chest radiographs only (PA, AP, supine)."""

LIMITS = """## What it cannot

- Class and source are confounded: every source of COVID films differs from every source of normal films, and most
  pneumonias are those of children of one hospital. A part of every figure over all sources is knowledge of the source.
- Figures are of patients kept apart, but of the *same* sources. In a hospital that nobody trained on, expect less.
- A score is not a probability of disease: the training classes are balanced, patients are not, and calibration has not
  been measured yet.
- Labels are the publishers': RT-PCR or reports for COVID, reports mined by software for nih, one reading for others."""

DATA = """Trained on published radiographs: COVID-19 image data collection (Cohen et al. 2020, arXiv:2003.11597),
COVID-19 Radiography Database (Chowdhury et al. 2020, Rahman et al. 2021; its normal films come from RSNA and NIH),
Chest X-Ray Images (Kermany et al. 2018, children), ChestX-ray8 (Wang et al. 2017, NIH). Lung masks: V7 (CC BY 4.0).
Patients and near-copies stand on one side of every split; the 48 pictures of `dataset_validation/` are in none."""


def render(facts: Json) -> str:
    """Return the card of an artefact as Markdown."""
    kinds: dict[str, Callable[[Json], list[str]]] = {
        "segmentation": _segmentation,
        "backbone": _backbone,
        "head": _head,
    }
    parts = [f"# {facts['title']} (`{facts['name']}` {facts['version']})", *kinds[facts["kind"]](facts)]
    parts += [USE, LIMITS, f"## Data and licence\n\n{DATA}\n\nLicence: {facts['licence']}", _training(facts)]
    return "\n\n".join(parts) + "\n"


def _segmentation(facts: Json) -> list[str]:
    metrics, parity = facts["metrics"], facts["parity"]
    return [
        "A U-Net that marks the lungs at 128×128; the mask decides what the other networks see.",
        "## Figures\n\n"
        f"Dice {metrics['dice']:.3f} on {metrics['pictures']} pictures of {metrics['patients']} patients kept apart "
        f"(Keras in float32: {parity['dice_keras']:.3f}; as served, 8-bit: {parity['dice_served']:.3f}).",
    ]


def _backbone(facts: Json) -> list[str]:
    recipe, parity, history = facts["recipe"], facts["parity"], facts["metrics"]
    figures = [f"- {name.removeprefix('val_')}: {value:.3f}" for name, value in history.items() if "val_" in name]
    return [
        f"The thirteen convolutions of VGG16 on `{recipe['name']}` crops of {recipe['size']}×{recipe['size']} px, "
        "weights in 8 bits. Both models are heads on its features (`block5_conv3`).",
        "## Figures\n\n"
        f"Features as served against Keras in float32, {parity['pictures']} test pictures: cosine similarity "
        f"{parity['cosine_median']:.4f} (median), {parity['cosine_min']:.4f} (least).",
        *(["Validation accuracy after pretraining, by class and source (also loss):\n\n" + "\n".join(figures)]
          if figures else []),
    ]  # fmt: skip


def _head(facts: Json) -> list[str]:
    metrics, parity, band = facts["metrics"], facts["parity"], facts["band"]
    negative, positive = facts["classes"]
    return [
        f"{positive} against {negative}: a score in [0, 1] for {positive}. POSITIVE from {band['high']:.4f}, NEGATIVE "
        f"below {band['low']:.4f}, INCONCLUSIVE between; threshold {facts['threshold']:.4f}, chosen on validation "
        "patients.",
        f"## Figures\n\nPatients kept apart, scored once. {metrics['interval']}.\n\n{_figures(metrics)}",
        f"**How far to believe them.** {metrics['confounding']}",
        f"## Held-out pictures: the reference article's 48, and others of their patients\n\n{called_table(metrics['held_out'], ['label'])}",
        f"## As served against Keras in float32\n\n{parity['pictures']} test pictures: same side of the threshold "
        f"{parity['same_side_of_threshold']:.1%}, same verdict {parity['same_verdict']:.1%}; score difference "
        f"{parity['score_difference_median']:.4f} (median), {parity['score_difference_max']:.4f} (largest).",
    ]


def _figures(metrics: Json) -> str:
    """Return the network's figures by source, and those of the predictors that see no lung."""
    rows = by_name(metrics["test"]) | {
        f"*baseline without lungs: {name.replace('_', ' ')}*": row["all"] for name, row in metrics["baselines"].items()
    }
    head = ["test radiographs", "n (patients)", *FIGURES.values()]
    return table(head, [[name, *figure_cells(row)] for name, row in rows.items()])


def _training(facts: Json) -> str:
    record = facts["training"]
    lines = [f"- {key}: {record[key]}" for key in ("commit", "manifest_sha256", "started", "machine") if key in record]
    lines += [f"- {name}: {version}" for name, version in record.get("versions", {}).items()]
    return "## Made by\n\n`make models` (training/README.md).\n\n" + "\n".join(lines)
