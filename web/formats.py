"""How numbers, shares and times are written on the pages: as the visitor's language writes them.

For pages alone: CSV, JSON and file names keep the point and ISO 8601, which programs read.
"""

from datetime import datetime

from babel.numbers import get_decimal_symbol
from flask import Flask
from flask_babel import format_date, format_percent, format_time, get_locale
from flask_babel import gettext as _


def teach(app: Flask) -> None:
    """Give the templates these filters."""
    for write in (decimals, percent, moment, verdict, capitalize_first):
        app.add_template_filter(write)


def decimals(value: float | str) -> str:
    """Write a score or a threshold with two decimals, or up to four where it has them.

    Digits that are written already, as `Said.score_text` is, keep their number.
    """
    if not isinstance(value, str):
        value = f"{value:.2f}" if round(value, 2) == round(value, 4) else f"{value:.4f}"
    return value.replace(".", get_decimal_symbol(get_locale() or "en"))


def capitalize_first(text: str) -> str:
    """Write a word as it stands alone, its first letter large and the others as they are."""
    return text[:1].upper() + text[1:]


def percent(share: float) -> str:
    """Write a share in [0, 1] as whole per cents."""
    return str(format_percent(share))


def moment(when: datetime) -> str:
    """Write a time in UTC, whatever its own time zone."""
    return str(_("%(date)s at %(time)s UTC", date=format_date(when, "medium"), time=format_time(when, "HH:mm")))


def verdict(word: str) -> str:
    """Say POSITIVE, NEGATIVE or INCONCLUSIVE in the visitor's language."""
    words: dict[str, str] = {
        "POSITIVE": _("POSITIVE"),
        "NEGATIVE": _("NEGATIVE"),
        "INCONCLUSIVE": _("INCONCLUSIVE"),
    }
    return words.get(word, word)
