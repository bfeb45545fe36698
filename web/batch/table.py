"""The table of a batch: a row for each file, read or refused; sorted, filtered, and as CSV.

Browsers with JavaScript sort and filter in static/batch_table.js, by the same keys.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from flask import url_for

from web.analyses.records import Record, Records
from web.analyses.storage import slug
from web.render.spreadsheet import SCORES, cells, harmless, scores
from web.render.spreadsheet import as_csv as write_csv
from xray import opacity
from xray.annotate.words import DISCLAIMER
from xray.errors import Phrase, XrayError
from xray.finding import found_by

UNREADABLE = Phrase("The list of the batch arrived damaged, so no file was made. Start the batch again.")
GONE = Phrase("This analysis no longer exists.")
LONGEST_PATH, LONGEST_ERROR = 200, 400
ERRORS, CAUTIONS = "ERROR", "CAUTION"

_OF_MODEL = ("finding", "verdict", *SCORES, "version", "heat_in_lungs")
_OF_BOTH = ("combined_verdict", "combined_score")
_OF_FILM = ("cautions", "width", "height", "lung_share", "name_in_zip", "time", "address", "disclaimer")


class RowsError(XrayError):
    """The list of rows that a page sends back is unreadable."""

    status = 400


@dataclass(frozen=True)
class Row:
    """One file of a batch and its result.

    Attributes:
        file: its path, safe to display.
        record: its analysis; None where it was refused.
        error: why it was refused, in the visitor's language.
    """

    file: str
    record: Record | None = None
    error: str = ""

    @property
    def lung_share(self) -> float:
        """The share of the image that the lungs cover, in [0, 1]; 0 without an analysis."""
        if self.record is None:
            return 0.0
        outlines = re.findall(r"M([\d L]+)Z", self.record.outline)
        contours = [np.array(re.findall(r"\d+", outline), np.int32).reshape(-1, 1, 2) for outline in outlines]
        return float(sum(map(cv2.contourArea, contours))) / (self.record.width * self.record.height)

    @property
    def kinds(self) -> list[str]:
        """The filters that the row passes: what was found or ERRORS, and CAUTIONS where it has any."""
        if self.record is None:
            return [ERRORS]
        return [*self.record.found, *([CAUTIONS] if self.record.cautions else [])]

    def keys(self, models: Sequence[str]) -> dict[str, str | float | None]:
        """Return the sort key of each column; None is sorted last."""
        record = self.record
        found: dict[str, str | float | None] = {"file": self.file.casefold(), "finding": None, "lungs": None}
        if record:
            found |= {"finding": " ".join(record.found) or None, "lungs": self.lung_share}
        results = {result.model: result for result in record.results} if record else {}
        for model in models:
            found[model] = results[model].score if model in results else None
            found[heat(model)] = results[model].heat_in_lungs if model in results else None
        return found


def heat(model: str) -> str:
    """Return the name of the column with the share of a model's heat in the lungs."""
    return f"heat-{model}"


def arranged(
    rows: Sequence[Row], models: Sequence[str], *, by: str = "", down: bool = False, kind: str = "", text: str = ""
) -> list[Row]:
    """Return rows filtered and sorted, for browsers without JavaScript.

    Args:
        rows: of the batch, in the order of the files.
        models: the models of the batch.
        by: a key of `Row.keys`; anything else leaves the order.
        down: whether to sort in descending order.
        kind: one of `Row.kinds`; empty passes all.
        text: part of a file's path; empty passes all.
    """
    passed = [row for row in rows if (not kind or kind in row.kinds) and text.casefold() in row.file.casefold()]
    keyed = [(row.keys(models).get(by), row) for row in passed]
    known = [(key, row) for key, row in keyed if key is not None]
    known.sort(key=lambda pair: pair[0], reverse=down)
    return [row for _, row in known] + [row for key, row in keyed if key is None]


def shown_path(path: str) -> str:
    """Return a client's path safe to display: printable, and shortened from the front."""
    clean = _printable(path.replace("\\", "/"))
    return clean if len(clean) <= LONGEST_PATH else f"…{clean[1 - LONGEST_PATH :]}"


def pack(rows: Iterable[Row]) -> str:
    """Return rows as JSON for the page to keep: path, id and error of each."""
    return json.dumps([[row.file, row.record.id if row.record else "", row.error] for row in rows], ensure_ascii=False)


def unpack(text: str, records: Records, owner: str | None, *, gone: str, most: int) -> list[Row]:
    """Return the rows that `pack` wrote and the page sent back.

    Raises:
        RowsError: the text is not such a list.
    """
    try:
        found = [(str(file), str(id), str(reason)) for file, id, reason in json.loads(text)[:most]]
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise RowsError(UNREADABLE) from error
    rows = []
    for file, id, reason in found:
        record = records.get(id, owner) if id and owner else None
        why = "" if record else _printable(reason)[:LONGEST_ERROR] or gone
        rows.append(Row(shown_path(file), record, why))
    return rows


def stems(rows: Sequence[Row]) -> dict[str, str]:
    """Return a unique, portable file name without folder and extension for each analysis, by its id."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for row in rows:
        if row.record and row.record.id not in found:
            stem = first = slug(row.file)
            number = 1
            # Some file systems ignore case.
            while stem.lower() in taken:
                number += 1
                stem = f"{first}-{number}"
            taken.add(stem.lower())
            found[row.record.id] = stem
    return found


def as_csv(rows: Sequence[Row], models: Sequence[str]) -> str:
    """Return the whole table as CSV, a line for each file, refused ones included."""
    columns = [f"{model}_{column}" for model in models for column in (*_OF_MODEL, *_of_labels(rows, model))]
    columns = [
        "file",
        "error",
        "finding",
        "verdict",
        *columns,
        *(_OF_BOTH if len(models) > 1 else ()),
        *_OF_FILM,
        *opacity.COLUMNS,
    ]
    names = stems(rows)
    return write_csv(columns, (_line(row, names) for row in rows))


def _line(row: Row, names: Mapping[str, str]) -> dict[str, str]:
    line = {"file": harmless(row.file), "error": harmless(row.error), "disclaimer": DISCLAIMER}
    return line | _results(row.record) | _film(row.record, row.lung_share, names) if row.record else line


def _results(record: Record) -> dict[str, str]:
    found = {"finding": " ".join(record.found), "verdict": str(record.verdict)}
    for result in record.results:
        share = "" if result.heat_in_lungs is None else f"{result.heat_in_lungs:.4f}"
        words = {"finding": " ".join(found_by([result])), "verdict": str(result.verdict), "version": result.version}
        said = words | scores(result) | {"heat_in_lungs": share}
        if result.listed:
            said["called"] = result.called or ""
            said |= {f"{each.label}_{name}": cell for each in result.listed for name, cell in scores(each).items()}
        found |= {f"{result.model}_{column}": cell for column, cell in said.items()}
    if both := record.combined:
        found |= zip(_OF_BOTH, (str(both.verdict), f"{both.score:.4f}"), strict=True)
    return found


def _of_labels(rows: Sequence[Row], model: str) -> list[str]:
    """Return the columns of the labels that a model lists one by one."""
    results = [result for row in rows if row.record for result in row.record.results if result.model == model]
    listed = results[0].listed if results else ()
    return ["called", *(f"{each.label}_{name}" for each in listed for name in SCORES)] if listed else []


def _film(record: Record, lung_share: float, names: Mapping[str, str]) -> dict[str, str]:
    return {
        "cautions": " ".join(record.cautions),
        "width": str(record.width),
        "height": str(record.height),
        "lung_share": f"{lung_share:.4f}",
        "name_in_zip": names[record.id],
        "time": record.created.isoformat(timespec="seconds"),
        "address": url_for("result.show", id=record.id, _external=True),
        **cells(opacity.columns(record.opacity)),
    }


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable()).strip()
