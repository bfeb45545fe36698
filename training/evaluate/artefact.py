"""An artefact of model/: its network or head, metadata.json, and the card README.md."""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from training import run
from training.config import MODELS, RUNS
from training.report import card
from xray.errors import DatasetError
from xray.networks import metadata
from xray.networks.heads import Head
from xray.networks.metadata import BackboneFacts, HeadFacts, OpacityFacts
from xray.networks.preprocess import Recipe
from xray.registry import made_for

Json = dict[str, Any]
VERSION = "4.0.0"
OPACITY_TITLE = "Opacity map"
# The strictest terms among the licences of the training radiographs: some of cohen's are CC BY-NC-SA 4.0.
LICENCE = "CC BY-NC-SA 4.0 (weights; code: MIT). Research and education only, not for diagnosis."


def record_of(folder: Path) -> Json:
    """Return the config.json of a run: its choices, its commit, its data.

    Raises:
        DatasetError: the run is not there.
    """
    path = folder / "config.json"
    if not path.exists():
        known = ", ".join(sorted(each.parent.name for each in folder.parent.glob("*/config.json"))) or "none"
        raise DatasetError(f"Expected the run {folder}, trained already; there are: {known}. Received: no such run.")
    record: Json = json.loads(path.read_text(encoding="utf-8"))
    return record


def is_own(record: Mapping[str, Any]) -> bool:
    """Tell whether a run is of a user's own radiographs, from its config.json."""
    return "data" in record


def audit_folder(run_folder: Path, record: Mapping[str, Any], backbone: str) -> Path:
    """Return where the audit of a run lies: one for all published heads of a backbone, one for each of a user's own.

    Args:
        run_folder: of the head.
        record: its config.json.
        backbone: name of the network that it was trained on.
    """
    return (run_folder if is_own(record) else made_for(RUNS, backbone)) / "audit"


def backbone_facts(name: str) -> Json:
    """Return what an artefact says of the backbone that it was made for."""
    return {"backbone": name, "backbone_sha256": sha256((MODELS / name / "network.tflite").read_bytes())}


def backbone_recipe(name: str) -> Recipe:
    """Return the recipe of a backbone of model/.

    Raises:
        DatasetError: it is not a backbone.
    """
    facts = metadata.load(MODELS / name / metadata.FILE_NAME)
    if not isinstance(facts, BackboneFacts):
        raise DatasetError(f"Expected a backbone in {MODELS / name}. Received: a {facts.kind}.")
    return facts.recipe


def opacity_facts(backbone: str, threshold: float, slope: float = 1.0, intercept: float = 0.0) -> OpacityFacts:
    """Return what the opacity map of a backbone says of itself, before it is exported."""
    numbers = {"threshold": threshold, "extent_slope": slope, "extent_intercept": intercept}
    content = _content(
        "opacity", "opacity", OPACITY_TITLE, "opacity.npz", b" ", {**backbone_facts(backbone), **numbers}
    )
    return msgspec.convert(content, OpacityFacts)


def head_of(folder: Path, backbone: str) -> Head:
    """Return the head of a run as it would be served.

    Args:
        folder: of the run, with config.json, head.json and head.npz.
        backbone: name of the network that it was trained on.

    Raises:
        DatasetError: the run is not there.
        ModelError: head.npz is broken.
    """
    config = record_of(folder)["config"]
    weights = (folder / "head.npz").read_bytes()
    facts = head_facts(folder, backbone)
    content = _content(config["name"], "head", config["title"], "head.npz", weights, facts)
    with np.load(folder / "head.npz") as arrays:
        channels = arrays["kernel"].shape[0]
    return Head.load(folder / "head.npz", msgspec.convert(content, HeadFacts), channels)


def head_facts(folder: Path, backbone: str) -> Json:
    """Return the facts that only heads have, from head.json of a run."""
    facts: Json = json.loads((folder / "head.json").read_text(encoding="utf-8"))
    return {**backbone_facts(backbone), **facts}


def sha256(content: bytes) -> str:
    """Return the sha256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def write(
    folder: Path,
    kind: str,
    title: str,
    file: tuple[str, bytes],
    facts: Mapping[str, Any],
    *,
    metrics: Mapping[str, Any],
    training: Mapping[str, Any],
    parity: Mapping[str, Any],
) -> None:
    """Write an artefact: made in a temporary folder, checked as serving checks it, then moved.

    Args:
        folder: of model/, named as the artefact.
        kind: one of those of `xray.networks.metadata`.
        title: for people.
        file: name and content of the network or head.
        facts: what this kind of artefact must say.
        metrics: what the card and the pages show.
        training: record of the run that it came from.
        parity: what is served against Keras in float32.

    Raises:
        ModelError: serving would refuse it.
    """
    name, content = file
    record = _content(folder.name, kind, title, name, content, facts)
    # Where a manifest lay is nobody's business.
    record |= {
        "metrics": metrics,
        "training": {key: value for key, value in training.items() if key != "manifest"},
        "parity": parity,
    }
    if "data" in training:
        record |= {"version": f"{datetime.now(UTC):%Y.%-m.%-d}", "licence": training["licence"]}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export-") as temporary:
        made = Path(temporary) / folder.name
        made.mkdir()
        (made / name).write_bytes(content)
        run.write_json(made / metadata.FILE_NAME, record)
        metadata.load(made / metadata.FILE_NAME)
        (made / "README.md").write_text(card.card(record), encoding="utf-8")
        _swap(made, folder, Path(temporary) / "previous")
    print(f"{folder}: {len(content) / 1e6:.1f} MB; parity {parity}")


def _swap(made: Path, folder: Path, previous: Path) -> None:
    """Put a finished folder in the place of another, which keeps the artefacts that were made for it."""
    if folder.exists():
        folder.rename(previous)
    made.rename(folder)
    for inside in previous.glob("*/"):
        inside.rename(folder / inside.name)


def _content(name: str, kind: str, title: str, file: str, content: bytes, facts: Mapping[str, Any]) -> Json:
    return {
        "name": name,
        "kind": kind,
        "version": VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "title": title,
        "file": {"name": file, "sha256": sha256(content), "size_bytes": len(content)},
        "licence": LICENCE,
        "metrics": {},
        "training": {},
        "parity": {},
        **facts,
    }
