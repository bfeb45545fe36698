"""Measured figures as text in the visitor's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from babel.numbers import format_percent
from flask_babel import format_decimal, get_locale

NONE = "–"


@dataclass(frozen=True)
class Figure:
    """A measured value and, where it was measured, its 95 % interval."""

    value: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any] | float | None) -> "Figure | None":
        """Return a figure of metadata.json: an object with its interval, a number, or None where it is undefined."""
        if record is None:
            return None
        return cls(record["value"], record["low"], record["high"]) if isinstance(record, Mapping) else cls(record)

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return decimal(self.value)
        return f"{decimal(self.value)} [{decimal(self.low)}\u2013{decimal(self.high)}]"


def shown(record: Mapping[str, Any] | float | None) -> str:
    """Return a figure with its interval; a dash where it is undefined."""
    figure = Figure.of(record)
    return NONE if figure is None else str(figure)


def decimal(value: float, places: int = 3) -> str:
    """Return a number with a fixed number of decimals."""
    written = cast(str, format_decimal(value, "0." + places * "0" if places else "#,##0"))
    return written.replace("-", "−")


def whole(value: float) -> str:
    """Return a count."""
    return decimal(value, 0)


def percent(share: float, places: int = 0) -> str:
    """Return a share as a percentage, with no more decimals than it needs."""
    return str(format_percent(round(share, places + 2), locale=get_locale() or "en", decimal_quantization=False))
