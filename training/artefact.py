"""An artefact of model/: its network or head, metadata.json, and the card README.md."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training import run
from training.report import card
from xray.errors import DatasetError

VERSION = "3.0.0"
# The strictest terms among the training pictures' licences: some of cohen's are CC BY-NC-SA 4.0.
LICENCE = "CC BY-NC-SA 4.0 (weights; code: MIT). Research and education only, not for diagnosis."


def record_of(folder: Path) -> dict[str, Any]:
    """Return the config.json of a run: its choices, its commit, its data.

    Raises:
        DatasetError: the run is not there.
    """
    path = folder / "config.json"
    if not path.exists():
        raise DatasetError(f"Expected the run {folder} with its config.json. Received: no such file. Train it first.")
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def sha256(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_file(path: Path, content: bytes) -> Path:
    """Write a network or head into its folder of model/, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)
    return path


def write_facts(
    name: str,
    kind: str,
    title: str,
    path: Path,
    record: dict[str, Any],
    metrics: dict[str, Any],
    parity: dict[str, Any],
    facts: dict[str, Any],
) -> None:
    """Write metadata.json and the card beside an artefact's file.

    Args:
        name: of the artefact.
        kind: one of those of `xray.networks.metadata`.
        title: for people.
        path: of the file, already written.
        record: of the run that it came from.
        metrics: what the card and the pages show.
        parity: what is served against Keras in float32.
        facts: what else this kind of artefact must say.
    """
    content = {
        "name": name,
        "kind": kind,
        "version": VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "title": title,
        "file": {"name": path.name, "sha256": sha256(path), "size_bytes": path.stat().st_size},
        "licence": LICENCE,
        "metrics": metrics,
        "training": record,
        "parity": parity,
        **facts,
    }
    run.write_json(path.with_name("metadata.json"), content)
    path.with_name("README.md").write_text(card.render(content), encoding="utf-8")
    print(f"{path.parent}: {path.stat().st_size / 1e6:.1f} MB; parity {parity}")
