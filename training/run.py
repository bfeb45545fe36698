"""A run is a folder: what was asked (config.json), how it went (history.csv), what came out."""

import csv
import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.config import MANIFEST, REPOSITORY

if TYPE_CHECKING:
    import keras


def describe(config: object, manifest: Path) -> dict[str, Any]:
    """Return what is needed to repeat a run: configuration, data hash, commit and versions."""
    facts = {
        "config": msgspec.to_builtins(config),
        "manifest": str(manifest.resolve()),
        "manifest_sha256": hashlib.sha256(manifest.read_bytes()).hexdigest(),
        "commit": _commit(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "opencv": version("opencv-python-headless"),
        },
        "machine": f"{platform.system()} {platform.machine()}",
    }
    if "keras" in sys.modules:  # a head is fitted without it
        from training.networks import devices

        facts["versions"] |= devices.versions()
        facts["devices"] = devices.describe()
    return facts


def now() -> dict[str, str]:
    """Return the date and the commit of what is being done."""
    return {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": _commit()}


def start(folder: Path, config: object, manifest: Path) -> None:
    """Create the run's folder and write config.json, unless the run is being resumed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.json"
    if not path.exists():
        write_json(path, describe(config, manifest))


def manifest_of(record: Mapping[str, Any], given: Path | None) -> Path:
    """Return the manifest that a run learned from."""
    return given or Path(record.get("manifest", MANIFEST))


def history(folder: Path) -> list[dict[str, float]]:
    """Return the epochs in the run's history.csv, oldest first; none for a new run."""
    path = folder / "history.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an archive of NumPy arrays whole or not at all."""
    part = path.with_suffix(".part.npz")
    np.savez(part, **dict(arrays))  # type: ignore[arg-type]  # NumPy types its other keyword alone
    part.replace(path)


def save_model(model: "keras.Model", path: Path) -> None:
    """Save a Keras model, whole or not at all: a killed run never leaves half a file."""
    part = path.with_name(f"part_{path.name}")
    model.save(part)
    part.replace(path)


def _commit() -> str:
    """Return the commit the code stands at, with `+` where files differ from it."""
    git = ["git", "-C", str(REPOSITORY)]
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    dirty = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=False)
    return (head.stdout.strip() or "unknown") + ("+" if dirty.stdout else "")
