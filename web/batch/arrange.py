"""Sorting and filtering a batch's rows, for browsers without JavaScript; static/batch_table.js does the same."""

from collections.abc import Callable, Sequence

from web.batch.table import Row

ERRORS, CAUTIONS = "ERROR", "CAUTION"


def heat(model: str) -> str:
    """Return the column that is sorted by how much of a model's heat lies in the lungs."""
    return f"heat-{model}"


def keys(row: Row, models: Sequence[str]) -> dict[str, str | float | None]:
    """Give what a row is sorted by, for each column; None always stands last."""
    record = row.record
    found: dict[str, str | float | None] = {"file": row.file.casefold()}
    found["verdict"] = row.rank
    found["lungs"] = row.lung_share if record else None
    for model in models:
        said = next((each for each in record.said if each.model == model), None) if record else None
        found[model] = said.score if said else None
        found[heat(model)] = said.heat_in_lungs if said else None
    return found


def kinds(row: Row) -> list[str]:
    """Name the filters that a row passes: its verdict, or that it was refused, and whether it has cautions."""
    if row.record is None:
        return [ERRORS]
    return [row.record.verdict, *([CAUTIONS] if row.record.cautions else [])]


def arranged(
    rows: Sequence[Row], models: Sequence[str], *, by: str = "", down: bool = False, kind: str = "", text: str = ""
) -> list[Row]:
    """Return the rows that pass, in the order asked for.

    Args:
        rows: of the batch, in the order in which they came.
        models: that were asked.
        by: a key of `keys`; anything else leaves the order.
        down: whether the largest stands first.
        kind: one of `kinds`; empty passes all.
        text: part of a file's path; empty passes all.
    """
    passed = [row for row in rows if (not kind or kind in kinds(row)) and text.casefold() in row.file.casefold()]
    column: Callable[[Row], str | float | None] = lambda row: keys(row, models).get(by)  # noqa: E731
    known = [row for row in passed if column(row) is not None]
    known.sort(key=lambda row: column(row), reverse=down)  # type: ignore[arg-type,return-value]
    return known + [row for row in passed if column(row) is None]
