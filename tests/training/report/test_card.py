"""The card of an artefact holds every figure of its metadata."""

import json
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


def test_a_head_that_was_never_measured_has_a_card() -> None:
    facts = json.loads((MODEL_DIR / "findings" / "metadata.json").read_text(encoding="utf-8"))
    text = card(facts | {"metrics": {}, "parity": {}, "training": {}})
    assert "each judged by itself" in text and "ROC AUC" not in text
