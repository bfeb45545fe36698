"""A run becomes an artefact that serving loads, whole or not at all."""

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

pytest.importorskip("keras", reason="needs the training extra")

from training.config import CONFIGS, load  # noqa: E402
from training.evaluate import artefact, export  # noqa: E402
from training.fit.head import HeadConfig  # noqa: E402
from xray.errors import DatasetError, ModelError  # noqa: E402
from xray.networks import metadata  # noqa: E402
from xray.networks.heads import Head  # noqa: E402
from xray.networks.metadata import HeadFacts  # noqa: E402

POINT = {"threshold": 0.5, "negative_below": 0.4, "positive_from": 0.6}
PARITY = {
    "pictures": 9, "same_verdict": 1.0, "same_side_of_threshold": 1.0, "score_difference_median": 0.0,
    "score_difference_max": 0.0,
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The evaluated run of model 4, and an empty model folder with its backbone."""
    monkeypatch.setattr(export, "MODELS", tmp_path / "model")
    monkeypatch.setattr(artefact, "MODELS", tmp_path / "model")
    monkeypatch.setattr(export, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(export, "Network", lambda *_: None)
    monkeypatch.setattr(export, "crops", lambda *_, **__: None)
    monkeypatch.setattr(export, "head_parity", lambda *_: PARITY)
    (tmp_path / "model" / "vgg16_cxr").mkdir(parents=True)
    (tmp_path / "model" / "vgg16_cxr" / "network.tflite").write_bytes(b"network")
    folder = tmp_path / "runs" / "findings"
    folder.mkdir(parents=True)
    config = load(CONFIGS / "findings.toml", HeadConfig)
    record = {"config": msgspec.to_builtins(config), "manifest_sha256": "a", "commit": "abc"}
    head = {
        "labels": config.names, "exclusive": False, "positive": "covid", "temperature": 1.0, "points": [POINT] * 4,
    }  # fmt: skip
    for name, content in (("config", record), ("head", head), ("report", {"metrics": {"interval": "95 %"}})):
        (folder / f"{name}.json").write_text(json.dumps(content))
    rng = np.random.default_rng(0)
    np.savez(folder / "head.npz", kernel=rng.random((512, 4), np.float32), bias=np.zeros(4, np.float32))
    return folder


def audit(home: Path, manifest_sha256: str) -> None:
    (home / "audit").mkdir(exist_ok=True)
    report = {"manifest_sha256": manifest_sha256, "models": {"findings": {"contrast": "covid against the others"}}}
    (home / "audit" / "report.json").write_text(json.dumps(report))


def test_what_was_trained_is_what_is_served(run: Path, tmp_path: Path) -> None:
    export.export_head(run, Path("manifest.csv"), "vgg16_cxr", "imagenet")
    folder = tmp_path / "model" / "findings"
    facts = metadata.load(folder / "metadata.json")
    assert isinstance(facts, HeadFacts) and facts.labels == ("abnormal", "covid", "bacterial", "viral")
    assert facts.metrics["audit"] is None and facts.training["commit"] == "abc"
    features = np.random.default_rng(1).random((10, 10, 512), np.float32)
    served = Head.load(folder / facts.file.name, facts, 512)
    np.testing.assert_array_equal(served.scores(features), artefact.head_of(run, "vgg16_cxr").scores(features))
    assert "each judged by itself" in (folder / "README.md").read_text(encoding="utf-8")
    assert {each.name for each in folder.parent.iterdir()} == {"vgg16_cxr", "findings"}, "nothing is left over"


def test_an_audit_of_the_same_data_goes_on_the_card(run: Path) -> None:
    audit(run.parent, "a")
    path = run.parent / "audit" / "report.json"
    assert export.audited("findings", path, "a") == {"contrast": "covid against the others"}
    assert export.audited("another", path, "a") is None
    with pytest.raises(DatasetError, match="python -m training audit"):
        export.audited("findings", path, "another")


def test_what_serving_would_refuse_is_not_written(run: Path, tmp_path: Path) -> None:
    record: dict[str, Any] = json.loads((run / "head.json").read_text())
    (run / "head.json").write_text(json.dumps(record | {"points": [POINT]}))
    with pytest.raises((ModelError, msgspec.ValidationError)):
        export.export_head(run, Path("manifest.csv"), "vgg16_cxr", "imagenet")
    assert not (tmp_path / "model" / "findings" / "metadata.json").exists()


def test_a_run_that_was_not_evaluated_is_not_exported(run: Path) -> None:
    (run / "report.json").unlink()
    with pytest.raises(DatasetError, match="python -m training evaluate findings"):
        export.export_head(run, Path("manifest.csv"), "vgg16_cxr", "imagenet")
