"""Where the data lies, and training choices read from `configs/*.toml`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from xray.errors import DatasetError

REPOSITORY = Path(__file__).resolve().parent.parent
CONFIGS = Path(__file__).resolve().parent / "configs"
RUNS = Path(os.environ.get("XRAY_RUNS", REPOSITORY / "runs"))
MODELS = REPOSITORY / "model"
MANIFEST = REPOSITORY / "data" / "manifest.csv"
# What the app shows of the radiographs at /data.
EXPLORED = REPOSITORY / "static" / "data"

Config = TypeVar("Config")


class Choices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of a configuration; another key, or a value of another type, is refused."""


def data_root() -> Path:
    """Return the folder of radiographs: the setting XRAY_DATA, or `../shared/data` beside the checkout.

    Raises:
        DatasetError: XRAY_DATA names no folder.
    """
    setting = os.environ.get("XRAY_DATA")
    if setting and not Path(setting).is_dir():
        raise DatasetError(f"Expected XRAY_DATA to name a folder of radiographs. Received: {setting!r}.")
    return Path(setting) if setting else REPOSITORY.parent / "shared" / "data"


def load(path: Path, kind: type[Config]) -> Config:
    """Read a TOML file into a configuration.

    Args:
        path: the file.
        kind: a `Choices` or a frozen dataclass; its fields without a default must be in the file.

    Raises:
        DatasetError: no such file, not TOML, an unknown or missing key, or a value of the wrong type.
    """
    return convert(table(path), kind, path)


def part(path: Path, name: str, kind: type[Config]) -> Config | None:
    """Read one table of a TOML file, whatever else is in the file.

    Args:
        path: the file.
        name: of the table.
        kind: as `load`.

    Returns:
        The configuration; None where the file has no such table.

    Raises:
        DatasetError: as `load`.
    """
    tables = table(path)
    return convert(tables[name], kind, path) if name in tables else None


def table(path: Path) -> dict[str, object]:
    """Read a TOML file as it is.

    Raises:
        DatasetError: no such file, or not TOML.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=dict[str, object])
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise DatasetError(f"Expected a TOML file at {path}. Received: {error}.") from error


def convert(content: object, kind: type[Config], path: Path) -> Config:
    """Make a configuration of what a TOML file holds.

    Args:
        content: a table.
        kind: as `load`.
        path: of the file, for messages.

    Raises:
        DatasetError: as `load`.
    """
    try:
        config = msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise DatasetError(f"{path}: {error}.") from error
    # A dataclass passes over keys that it does not know.
    if unknown := _unknown(content, msgspec.to_builtins(config)):
        raise DatasetError(f"{path}: unknown keys {', '.join(unknown)}.")
    return config


def _unknown(given: object, known: object) -> list[str]:
    """Return the keys of a table, and of tables in it, that a configuration does not have."""
    if isinstance(given, Mapping) and isinstance(known, Mapping):
        inner = [key for name in given.keys() & known.keys() for key in _unknown(given[name], known[name])]
        return sorted(given.keys() - known.keys()) + inner
    if isinstance(given, list) and isinstance(known, (list, tuple)):
        return [key for one, other in zip(given, known, strict=False) for key in _unknown(one, other)]
    return []
