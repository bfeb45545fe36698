"""The card of an artefact holds every figure of its metadata."""

import json
import re
from pathlib import Path

import pytest

from training.report.card import card
from xray.registry import MODEL_DIR

ARTEFACTS = [
    path
    for path in sorted(MODEL_DIR.rglob("metadata.json"))
    if "data" not in json.loads(path.read_text(encoding="utf-8"))["training"]  # a user's own is nobody else's to judge
]


@pytest.mark.parametrize("path", ARTEFACTS, ids=[str(path.parent.relative_to(MODEL_DIR)) for path in ARTEFACTS])
def test_the_cards_of_the_repository_are_those_of_their_metadata(path: Path) -> None:
    assert path.with_name("README.md").read_text(encoding="utf-8") == card(json.loads(path.read_text(encoding="utf-8")))


def test_a_head_shows_its_figures_beside_what_sees_no_lung() -> None:
    facts = json.loads((MODEL_DIR / "covid_normal" / "metadata.json").read_text(encoding="utf-8"))
    text = card(facts)
    test = facts["metrics"]["test"]["covid"]
    assert text.startswith("# Model 1: Covid / Normal (`covid_normal` 4.0.0)")
    rows = {"all": test["all"], **{f"source {name}": row for name, row in test["sources"].items()}}
    rows |= {
        f"baseline without lungs: {words}": facts["metrics"]["baselines"][name]["covid"]["all"]
        for name, words in (
            ("lungs_erased", "whole image, lungs erased"), ("border_only", "border of the image, centre erased"),
        )
    }  # fmt: skip
    for name, row in rows.items():
        [cells] = re.findall(rf"^\| {name} \| (.*) \|$", text, re.MULTILINE)[:1]
        assert cells.startswith(f"{row['n']} ({row['patients']}) | {row['positives']} |")
        assert ("–" in cells) == (row["roc_auc"] is None or None in (row["sensitivity"], row["specificity"]))
    assert facts["metrics"]["confounding"] in text and f"- numpy: {facts['training']['versions']['numpy']}" in text


def test_a_head_that_was_never_measured_has_a_card() -> None:
    facts = json.loads((MODEL_DIR / "findings" / "metadata.json").read_text(encoding="utf-8"))
    text = card(facts | {"metrics": {}, "parity": {}, "training": {}})
    assert "each judged by itself" in text and "ROC AUC" not in text
