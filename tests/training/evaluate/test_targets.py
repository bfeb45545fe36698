"""What another backbone gives up stands beside what the served one reaches, and is not left unsaid."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.evaluate import targets
from training.report import card
from xray.errors import DatasetError


def target(value: float, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    ends = {"value": value, "low": low, "high": high}
    return {"figure": "AUC", "target": "at least 0.85", "reached": f"{value:.3f}", "met": True, **ends}


def screen(**flagged: int) -> dict[str, Any]:
    kinds = {kind: {"flagged": flagged.get(kind, 99), "n": 100, "low": 0.95, "high": 1.0} for kind in targets.NOT_CHEST}
    refused = {"cohen": {"flagged": flagged.get("cohen", 1), "n": 100, "low": 0.0, "high": 0.03}}
    figures = {
        "refused by the gate or the screen": kinds,
        "frontal test films refused": refused,
        "frontal test films refused, their source left out of the training": refused,
    }
    return {"figures": {"not_frontal": figures}}


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reports of two backbones: the slim one's AUC falls out of the interval, and more radiographs are refused."""
    monkeypatch.setattr(targets, "RUNS", tmp_path)
    for folder, value, said in ((tmp_path, 0.9, screen()), (tmp_path / "thin", 0.7, screen(ct=90, cohen=2))):
        (folder / "audit").mkdir(parents=True)
        (folder / "screen").mkdir()
        audit = {"manifest_sha256": "a", "targets": [target(value, 0.8, 0.95), target(value)]}
        (folder / "audit" / "report.json").write_text(json.dumps(audit))
        (folder / "screen" / "report.json").write_text(json.dumps(said))
    return tmp_path


def test_figures_outside_the_interval_are_told(runs: Path) -> None:
    found = targets.beside("thin")
    told = {row["figure"]: (row["whole"], row["slim"], row["inside"]) for row in found}
    assert [row["inside"] for row in found[:2]] == [False, None]
    assert told["ct refused by gate and screen"] == ("99 of 100", "90 of 100", False)
    assert told["lateral refused by gate and screen"] == ("99 of 100", "99 of 100", True)
    assert told["frontal test films refused: cohen"] == ("1 of 100", "2 of 100", True)
    assert "| AUC | at least 0.85 | 0.900 | 0.700 | **no** |" in card.beside_table(found, "thin")


def test_without_an_audit_of_the_same_radiographs_nothing_is_compared(runs: Path) -> None:
    path = runs / "thin" / "audit" / "report.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"manifest_sha256": "b"}))
    with pytest.raises(DatasetError, match="audit --backbone thin"):
        targets.beside("thin")
    path.unlink()
    assert targets.beside("thin") == []


def test_the_card_of_a_slim_backbone_says_where_it_falls_short(runs: Path) -> None:
    facts = {
        "kind": "backbone", "name": "thin", "version": "1.0.0", "title": "Thin", "licence": "MIT",
        "recipe": {"name": "lung-box", "size": 160},
        "parity": {"pictures": 9, "cosine_median": 0.9999, "cosine_min": 0.999},
        "metrics": {"missed_averaged": 0.031, "missed_map": 0.06, "beside": targets.beside("thin")},
        "training": {"config": {"plan": [[16, 24], [48]]}},
    }  # fmt: skip
    text = card.card(facts)
    assert "for better or worse: AUC, ct refused by gate and screen.**" in text
    assert "16-24, 48" in text and "3.1%" in text and "XRAY_BACKBONE=thin" in text
    assert "`make models`" not in text
