"""CSV files that spreadsheets open safely."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

SCORES = ("score", "negative_below", "positive_from")
# What spreadsheets take for the start of a formula, in both widths of letters.
FORMULA = tuple("=+-@＝＋－＠")


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """Return a table as CSV.

    A column that a row lacks stays empty.
    """
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, restval="", extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    # The byte order mark tells spreadsheets that it is UTF-8.
    return "\ufeff" + table.getvalue()


def cells(numbers: Mapping[str, float | None]) -> dict[str, str]:
    """Return numbers as cells; None as an empty one."""
    return {name: "" if number is None else str(number) for name, number in numbers.items()}


def scores(said: object) -> dict[str, str]:
    """Return score and edges as cells, with 4 decimals; None as an empty one."""
    values = {name: getattr(said, name) for name in SCORES}
    return {name: "" if value is None else f"{value:.4f}" for name, value in values.items()}


def harmless(cell: str) -> str:
    """Return text that a spreadsheet will not run as a formula.

    Source:
        OWASP, CSV Injection.
    """
    return f"'{cell}" if cell.lstrip().startswith(FORMULA) or cell.startswith(("\t", "\r", "\n")) else cell
