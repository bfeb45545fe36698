"""How the five languages write numbers and dates.

Source:
    Unicode CLDR 48, as Babel has it; a test compares every form with Babel's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Locale:
    """The forms of one language.

    Attributes:
        point: between whole and decimals.
        group: between thousands.
        percent: what follows a percentage.
        dated: a date of medium length, with the places day, month and year.
        months: their short names.
    """

    point: str
    group: str
    percent: str
    dated: str
    months: tuple[str, ...]

    def number(self, value: float, places: int, *, grouped: bool = False) -> str:
        """Return a number with so many decimals; what lies halfway becomes even.

        Args:
            value: the number.
            places: how many decimals.
            grouped: whether thousands are set apart.
        """
        written = f"{Decimal(str(value)):{',' if grouped else ''}.{places}f}"
        return written.translate({ord("."): self.point, ord(","): self.group})

    def share(self, value: float) -> str:
        """Return a share of 1 as a percentage, with the decimals that it has."""
        hundredfold = Decimal(str(value)) * 100
        places = max(0, -int(hundredfold.normalize().as_tuple().exponent))
        return f"{self.number(float(hundredfold), places, grouped=True)}{self.percent}"

    def day(self, day: date) -> str:
        """Return a date of medium length."""
        return self.dated.format(day=day.day, month=self.months[day.month - 1], year=day.year)


LOCALES: Mapping[str, Locale] = {
    "en": Locale(
        ".", ",", "%", "{month} {day}, {year}",
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    ),
    "fr": Locale(
        ",", "\u202f", "\u00a0%", "{day} {month} {year}",
        ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."),
    ),
    "es": Locale(
        ",", ".", "\u00a0%", "{day} {month} {year}",
        ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"),
    ),
    "pt": Locale(
        ",", ".", "%", "{day} de {month} de {year}",
        ("jan.", "fev.", "mar.", "abr.", "mai.", "jun.", "jul.", "ago.", "set.", "out.", "nov.", "dez."),
    ),
    "zh": Locale(".", ",", "%", "{year}年{month}{day}日", tuple(f"{month}月" for month in range(1, 13))),
}  # fmt: skip
