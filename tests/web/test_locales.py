"""Numbers and dates, beside Babel's."""

from datetime import date

import pytest
from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from web.locales import LOCALES

NUMBERS = (
    0,
    0.0,
    -0.0,
    1,
    0.5,
    1.5,
    0.0005,
    0.0015,
    0.12345,
    -0.07,
    999,
    1000,
    1234.5678,
    12345,
    -1234567,
    1e-7,
    2.675,
)


@pytest.mark.parametrize("code", LOCALES)
def test_numbers_are_written_as_babel_writes_them(code):
    for value in NUMBERS:
        assert LOCALES[code].number(value, 0, grouped=True) == format_decimal(value, "#,##0", code), value
        for places in (1, 3):
            assert LOCALES[code].number(value, places) == format_decimal(value, "0." + places * "0", code), value
        assert LOCALES[code].share(value) == format_percent(value, locale=code, decimal_quantization=False), value


@pytest.mark.parametrize("code", LOCALES)
def test_dates_are_written_as_babel_writes_them(code):
    for day in (date(2026, month, 2 * month) for month in range(1, 13)):
        assert LOCALES[code].day(day) == format_date(day, "medium", Locale.parse(code))
