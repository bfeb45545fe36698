"""Numbers, shares and times in the visitor's language.

For pages only: CSV, JSON and file names keep the decimal point and ISO 8601, which programs read.
"""

from datetime import datetime

from babel.numbers import get_decimal_symbol
from flask import Flask
from flask_babel import format_date, format_percent, format_time, get_locale
from flask_babel import gettext as _


def init_app(app: Flask) -> None:
    """Give the templates of an application these functions as filters."""
    for function in (decimals, percent, moment, verdict, capitalize_first):
        app.add_template_filter(function)


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


def percent(share: float) -> str:
    """Format a share in [0, 1] as a whole percentage."""
    return str(format_percent(share))


def moment(when: datetime) -> str:
    """Format a time in UTC, whatever its own time zone."""
    return str(_("%(date)s at %(time)s UTC", date=format_date(when, "medium"), time=format_time(when, "HH:mm")))


def verdict(word: str) -> str:
    """Translate POSITIVE, NEGATIVE or INCONCLUSIVE."""
    words: dict[str, str] = {
        "POSITIVE": _("POSITIVE"),
        "NEGATIVE": _("NEGATIVE"),
        "INCONCLUSIVE": _("INCONCLUSIVE"),
    }
    return words.get(word, word)
