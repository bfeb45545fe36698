"""Where the data lies, and training choices read from `configs/*.toml` into frozen dataclasses."""

import os
import tomllib
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from xray.errors import DatasetError

REPOSITORY = Path(__file__).resolve().parent.parent
CONFIGS = Path(__file__).resolve().parent / "configs"
RUNS = Path(os.environ.get("XRAY_RUNS", REPOSITORY / "runs"))
MODELS = REPOSITORY / "model"

Config = TypeVar("Config")


def data_root() -> Path:
    """Return the folder of radiographs: the setting XRAY_DATA, or `../shared/data` beside the checkout."""
    return Path(os.environ.get("XRAY_DATA", REPOSITORY.parent / "shared" / "data"))


def load(path: Path, kind: type[Config]) -> Config:
    """Read a TOML file into a frozen dataclass.

    Args:
        path: the file.
        kind: the dataclass; its fields without a default must be in the file.

    Returns:
        The configuration.

    Raises:
        DatasetError: no such file, not TOML, an unknown or missing key, or a value of the wrong type.
    """
    return _build(_read(path), kind, str(path))


def part(path: Path, name: str, kind: type[Config]) -> Config | None:
    """Read one table of a TOML file into a frozen dataclass, whatever else is in the file.

    Args:
        path: the file.
        name: of the table.
        kind: the dataclass.

    Returns:
        It; None where the file has no such table.

    Raises:
        DatasetError: as `load`.
    """
    table = _read(path)
    return _build(table[name], kind, f"{path}: {name}") if name in table else None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DatasetError(f"Expected a TOML file at {path}. Received: {error}.") from error


def _build(value: Any, kind: Any, where: str) -> Any:  # noqa: ANN401 - a TOML value may be anything
    """Check a TOML value against a type and convert it."""
    if is_dataclass(kind):
        return _build_dataclass(value, kind, where)
    if get_origin(kind) is tuple:
        of = get_args(kind)
        if not isinstance(value, list) or (of[-1] is not Ellipsis and len(value) != len(of)):
            raise DatasetError(f"{where}: expected a list for {kind}. Received: {value!r}.")
        kinds = [of[0]] * len(value) if of[-1] is Ellipsis else of
        return tuple(_build(item, each, where) for item, each in zip(value, kinds, strict=True))
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise DatasetError(f"{where}: expected a value of type {kind.__name__}. Received: {value!r}.")
    return value


def _build_dataclass(table: Any, kind: Any, where: str) -> Any:  # noqa: ANN401
    if not isinstance(table, dict):
        raise DatasetError(f"{where}: expected a table for {kind.__name__}. Received: {table!r}.")
    known = {field.name: field for field in fields(kind)}
    unknown = sorted(table.keys() - known)
    missing = sorted(
        name
        for name, field in known.items()
        if name not in table and field.default is MISSING and field.default_factory is MISSING
    )
    if unknown or missing:
        raise DatasetError(f"{where}: unknown keys {unknown}, missing keys {missing}. Known keys: {sorted(known)}.")
    types = get_type_hints(kind)
    return kind(**{name: _build(value, types[name], f"{where}: {name}") for name, value in table.items()})
