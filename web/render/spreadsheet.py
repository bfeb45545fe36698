"""CSV files that spreadsheets open safely."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

# What spreadsheets take for the start of a formula, in both widths of letters.
FORMULA = tuple("=+-@＝＋－＠")


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """Return a table as CSV.

    Args:
        columns: the names of the columns, in order.
        rows: the cells by column; a column that a row lacks stays empty.
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


def harmless(cell: str) -> str:
    """Return text that a spreadsheet will not run as a formula.

    Source:
        OWASP, CSV Injection.
    """
    return f"'{cell}" if cell.lstrip().startswith(FORMULA) or cell.startswith(("\t", "\r", "\n")) else cell
