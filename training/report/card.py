"""The model card of an artefact, written from its metadata.

Source:
    Mitchell et al. 2019, Model Cards for Model Reporting, arXiv:1810.03993.
"""

from collections.abc import Callable

from training.evaluate import beside
from training.metrics.figures import Json
from training.report import audit_tables, class_card, label_card
from training.report.html import Table
from training.report.markdown import FIGURES, by_name, called_table, figure_cells, table
from xray.registry import BACKBONE

USE = """## Use

For education and research: to see what such a network does, and where it fails. **Never for diagnosis**, triage or
any decision about a person. Not a medical device. Frontal chest radiographs only (PA, AP, supine)."""

LIMITS = """## Known shortcuts and failures

- Class and source are confounded: every source of COVID films differs from every source of normal films, and most
  pneumonias are those of children of one hospital. Heads learn above all inside sources that hold both sides of their
  contrast; the backbone still saw every source, and its features tell them apart.
- Exposure and contrast are the next shortcut after the border: hard normal films may be called COVID, flat portable
  films of patients may be missed.
- Figures over all sources are of patients kept apart, but of the *same* sources. Believe the sources left out, and in
  a hospital that nobody trained on expect the threshold to fit worse than the ranking.
- The models know children from one hospital only, and nothing but COVID-19, other pneumonia and normal: effusion, mass
  or heart failure is pressed into these.
- Labels are the publishers': RT-PCR or reports for COVID, reports mined by software for nih, one reading for others."""

MEANING = {
    "covid_normal": """**What the score means.** Model 1 learned abnormal films (COVID-19 or another pneumonia) against
normal ones of the same hospital. A high score says: *a film that looks abnormal the way COVID-19 does*. It does not
tell COVID-19 from another pneumonia: that is model 2's question, and only where model 1 is not negative.""",
    "covid_pneumo": """**What the score means.** Model 2 learned COVID-19 against other pneumonia of the same hospitals;
only cohen has both, so its honest figure is the one inside cohen. On a normal film its answer means nothing: ask
model 1 first. With "both", the app reads them in this order.""",
}

CHECKLIST = """## CLAIM and TRIPOD+AI, item by item

- [x] data sources, dates of publication, eligibility, and how patients were kept apart (`training.data.prepare`)
- [x] reference standard: the publishers' labels, with their weakness
- [x] preprocessing, architecture, training, seeds, software versions, code
- [x] operating point chosen on validation patients, test patients scored once
- [x] intervals over patients, subgroups (source, view, sex, age where the publishers say them)
- [x] calibration, decision threshold, abstention and what they cost
- [x] validation in sources left out of the heads' training
- [ ] validation in a hospital that no part of the network has seen: its owner's to do
- [ ] sample size calculation: the films are all that is public
- [ ] sex, age and ethnicity of most films: not published
- [ ] readers' study, clinical benefit, harm: not studied, and not the purpose"""

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
        "screen": _screen,
        "multiclass": lambda facts: [*class_card.parts(facts), CHECKLIST],
        "multilabel": lambda facts: [*label_card.parts(facts), CHECKLIST],
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
    return _slim(facts) if "beside" in facts["metrics"] else _whole(facts)


def _slim(facts: Json) -> list[str]:
    config, metrics, found = facts["training"]["config"], facts["metrics"], facts["metrics"]["beside"]
    outside = [row["figure"] for row in found if row["inside"] is False]
    parts = [
        f"The thirteen convolutions of VGG16 with fewer channels ({_plan(config['plan'])}), weights in 8 bits: about a "
        f"fifth of the work of `{BACKBONE}`, which taught it its features (`python -m training.fit.slim`). Served "
        f"where `XRAY_BACKBONE={facts['name']}` asks for it; the screen and the heads in this folder stand on it.",
        f"## Figures\n\n{_parity(facts)} Of the teacher's features of validation films it misses "
        f"{metrics['missed_averaged']:.1%} of the variance of what heads see, {metrics['missed_map']:.1%} at each "
        "place.",
    ]
    if found:
        fallen = ", ".join(outside) or "none"
        parts.append(
            f"## Beside `{BACKBONE}`\n\nHeads and screen were trained and audited anew for each. **Outside the "
            f"interval of `{BACKBONE}`, for better or worse: {fallen}.**\n\n{beside.markdown(found, facts['name'])}"
        )
    return parts


def _plan(plan: list[list[int]]) -> str:
    return ", ".join("-".join(map(str, widths)) for widths in plan)


def _parity(facts: Json) -> str:
    parity = facts["parity"]
    return (
        f"Features as served against Keras in float32, {parity['pictures']} test pictures: cosine similarity "
        f"{parity['cosine_median']:.4f} (median), {parity['cosine_min']:.4f} (least)."
    )


def _whole(facts: Json) -> list[str]:
    recipe, history = facts["recipe"], facts["metrics"]
    figures = [f"- {name.removeprefix('val_')}: {value:.3f}" for name, value in history.items() if "val_" in name]
    return [
        f"The thirteen convolutions of VGG16 on `{recipe['name']}` crops of {recipe['size']}×{recipe['size']} px, "
        "weights in 8 bits. Both models are heads on its features (`block5_conv3`).",
        f"## Figures\n\n{_parity(facts)}",
        *(["Validation accuracy after pretraining, by class and source (also loss):\n\n" + "\n".join(figures)]
          if figures else []),
    ]  # fmt: skip


def _head(facts: Json) -> list[str]:
    metrics, parity, band = facts["metrics"], facts["parity"], facts["band"]
    negative, positive = facts["classes"]
    held_out = called_table(metrics["held_out"], ["label"])
    parts = [
        f"{positive} against {negative}: a score in [0, 1] for {positive}. POSITIVE from {band['high']:.4f}, NEGATIVE "
        f"below {band['low']:.4f}, INCONCLUSIVE between; threshold {facts['threshold']:.4f}, chosen on validation "
        "patients.",
        MEANING.get(facts["name"], ""),
        f"## Figures\n\nPatients kept apart, scored once. {metrics['interval']}.\n\n{_figures(metrics)}",
        f"**How far to believe them.** {metrics['confounding']}",
        *_audit(metrics.get("audit")),
        f"## Held-out pictures: the reference article's 48, and others of their patients\n\n{held_out}",
        f"## As served against Keras in float32\n\n{parity['pictures']} test pictures: same side of the threshold "
        f"{parity['same_side_of_threshold']:.1%}, same verdict {parity['same_verdict']:.1%}; score difference "
        f"{parity['score_difference_median']:.4f} (median), {parity['score_difference_max']:.4f} (largest).",
        CHECKLIST,
    ]
    return [part for part in parts if part]


def _audit(found: Json | None) -> list[str]:
    """Return the audit's tables; none for a head that was not audited."""
    if not found:
        return []
    model, name = found["model"], found["name"]
    tables = [
        ("Another hospital", audit_tables.left_out(model)),
        ("", audit_tables.inside(model)),
        ("Both models together", audit_tables.together(found)),
        ("Calibration and INCONCLUSIVE", audit_tables.calibration(model)),
        ("", audit_tables.predictive_values(model)),
        ("Does it look at the lungs?", audit_tables.erased(found, name)),
        ("", audit_tables.heat(found, name)),
        ("What harmless changes do", audit_tables.robustness(found, name)),
    ]
    return [f"{f'## {title}' if title else ''}\n\n{_markdown(each)}".strip() for title, each in tables]


def _screen(facts: Json) -> list[str]:
    checks = ", ".join(f"{check['name']} from {check['threshold']:.3f}" for check in facts["checks"])
    return [
        "Small linear heads on the backbone's features, and the distance from the training films in their principal "
        f"components: what is no frontal chest film is refused, other doubts become cautions. Thresholds: {checks}.",
        "## Figures\n\nOf pictures that the head behind each figure has not seen: the test split, or, where all "
        "pictures of a kind are needed to learn from, five folds over patients. Photographs, pages, noise, gradients "
        "are made by the code; halves and turned films from radiographs.",
        *(_markdown(table) for table in audit_tables.screen(facts["metrics"])),
    ]


def _markdown(found: Table) -> str:
    return f"*{found.caption}*\n\n" + table(list(found.head), [[str(cell) for cell in row] for row in found.rows])


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
    base = facts["name"] if facts["kind"] == "backbone" else facts.get("backbone", BACKBONE)
    made = "`make models`" if base == BACKBONE else "the steps of the slim backbone"
    return f"## Made by\n\n{made} (training/README.md).\n\n" + "\n".join(lines)
