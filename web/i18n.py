"""What pages say in the visitor's language: errors, verdicts, numbers and times.

Formats are for pages only: CSV, JSON and file names keep the decimal point and ISO 8601, which programs read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response

from web import translation
from web.locales import LOCALES, Locale
from web.translation import LANGUAGES, gettext, language
from xray.errors import Phrase, XrayError, plain

# A figure that is undefined.
NONE = "–"
VERDICTS: Mapping[str, Phrase] = {
    word: word for word in (Phrase("POSITIVE"), Phrase("NEGATIVE"), Phrase("INCONCLUSIVE"))
}


def init_app(app: Flask) -> None:
    """Translate the pages of an application."""
    translation.init_app(app)
    for function in (decimals, percent, moment, verdict, capitalize_first, shown, decimal, whole):
        app.add_template_filter(function)
    app.context_processor(lambda: {"languages": LANGUAGES, "locale": language()})
    app.after_request(_add_headers)


def in_words(error: XrayError) -> str:
    """Return an error's message in the visitor's language."""
    return gettext(error.template, **{name: _value(value) for name, value in error.values.items()})


def decimals(value: float | str) -> str:
    """Format a score or a threshold with two decimals, or up to four if it has more than two.

    A text of digits, such as a `score_text`, keeps its number of decimals.
    """
    if not isinstance(value, str):
        value = f"{value:.2f}" if round(value, 2) == round(value, 4) else f"{value:.4f}"
    return value.replace(".", _locale().point)


def capitalize_first(text: str) -> str:
    """Capitalize the first letter and leave the others as they are."""
    return text[:1].upper() + text[1:]


def percent(share: float, places: int = 0) -> str:
    """Format a share in [0, 1] as a percentage, with no more decimals than it needs."""
    return _locale().share(round(share, places + 2))


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
    return _locale().number(value, places, grouped=not places).replace("-", "−")


def whole(value: float) -> str:
    """Return a count."""
    return decimal(value, 0)


def moment(when: datetime) -> str:
    """Format a time in UTC, whatever its own time zone."""
    there = when.astimezone(UTC)
    return gettext("%(date)s at %(time)s UTC", date=_locale().day(there), time=f"{there:%H:%M}")


def verdict(word: str) -> str:
    """Translate POSITIVE, NEGATIVE or INCONCLUSIVE."""
    return gettext(VERDICTS[word]) if word in VERDICTS else word


def _locale() -> Locale:
    return LOCALES[language()]


def _value(value: object) -> str:
    match value:
        case XrayError():
            return in_words(value)
        case Phrase():
            return gettext(value)
        case float():
            return decimals(plain(value))
    return plain(value)


def _add_headers(response: Response) -> Response:
    """Keep caches from giving a page to those who read another language."""
    if response.mimetype == "text/html":
        response.headers["Content-Language"] = language()
        response.vary.update(("Accept-Language", "Cookie"))
    return response
