"""The five languages of the pages, and how numbers and times are written in each.

The language is the visitor's choice, or else what the browser prefers. Formats are for pages only: CSV, JSON and file
names keep the decimal point and ISO 8601, which programs read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from babel.numbers import format_percent, get_decimal_symbol
from flask import Flask, Response, request, session
from flask_babel import Babel, format_date, format_decimal, format_time, get_locale, gettext

from xray.errors import Phrase, XrayError, plain

# By their own names, as their speakers look for them.
LANGUAGES = {"en": "English", "fr": "Français", "es": "Español", "pt": "Português", "zh": "中文"}
SESSION_KEY = "language"
# A figure that is undefined.
NONE = "–"


def init_app(app: Flask) -> None:
    """Translate the pages of an application."""
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", "translations")
    # A sentence may be broken over lines in a template; the catalogues hold it in one line.
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    Babel(app, locale_selector=_chosen)
    for function in (decimals, percent, moment, verdict, capitalize_first, shown, decimal, whole):
        app.add_template_filter(function)
    app.context_processor(lambda: {"languages": LANGUAGES, "locale": get_locale()})
    app.after_request(_add_headers)


def in_words(error: XrayError) -> str:
    """Return an error's message in the visitor's language."""
    return str(gettext(error.template, **{name: _value(value) for name, value in error.values.items()}))


def decimals(value: float | str) -> str:
    """Format a score or a threshold with two decimals, or up to four if it has more than two.

    A text of digits, such as a `score_text`, keeps its number of decimals.
    """
    if not isinstance(value, str):
        value = f"{value:.2f}" if round(value, 2) == round(value, 4) else f"{value:.4f}"
    return value.replace(".", get_decimal_symbol(get_locale() or "en"))


def capitalize_first(text: str) -> str:
    """Capitalize the first letter and leave the others as they are."""
    return text[:1].upper() + text[1:]


def percent(share: float, places: int = 0) -> str:
    """Format a share in [0, 1] as a percentage, with no more decimals than it needs."""
    return str(format_percent(round(share, places + 2), locale=get_locale() or "en", decimal_quantization=False))


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


def moment(when: datetime) -> str:
    """Format a time in UTC, whatever its own time zone."""
    return str(gettext("%(date)s at %(time)s UTC", date=format_date(when, "medium"), time=format_time(when, "HH:mm")))


def verdict(word: str) -> str:
    """Translate POSITIVE, NEGATIVE or INCONCLUSIVE."""
    words: dict[str, str] = {
        "POSITIVE": gettext("POSITIVE"),
        "NEGATIVE": gettext("NEGATIVE"),
        "INCONCLUSIVE": gettext("INCONCLUSIVE"),
    }
    return words.get(word, word)


def _chosen() -> str:
    wanted = session.get(SESSION_KEY)
    return wanted if wanted in LANGUAGES else request.accept_languages.best_match(LANGUAGES, "en")


def _value(value: object) -> str:
    match value:
        case XrayError():
            return in_words(value)
        case Phrase():
            return str(gettext(value))
        case float():
            return decimals(plain(value))
    return plain(value)


def _add_headers(response: Response) -> Response:
    """Keep caches from giving a page to those who read another language."""
    if response.mimetype == "text/html":
        response.headers["Content-Language"] = str(get_locale())
        response.vary.update(("Accept-Language", "Cookie"))
    return response
