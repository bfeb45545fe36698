"""The rows of a batch: one for each file that came, read or refused, and what becomes of them as a table."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from flask import url_for

from web.analyses.record import Record
from web.analyses.records import Records
from web.analyses.store import slug
from web.views.analyses import harmless
from xray.annotate.annotated_copy import DISCLAIMER
from xray.errors import Phrase, XrayError

UNREADABLE = Phrase("The list of the batch came damaged, so nothing was made of it. Start the batch again.")
GONE = Phrase("This analysis is not here any more.")
LONGEST_PATH, LONGEST_ERROR = 200, 400

_VERDICTS = ("NEGATIVE", "INCONCLUSIVE", "POSITIVE")
_OF_MODEL = ("verdict", "score", "threshold", "version", "heat_in_lungs")
_OF_BOTH = ("combined_verdict", "combined_score", "combined_threshold")
_OF_FILM = ("cautions", "width", "height", "lung_share", "name_in_zip", "time", "address", "disclaimer")


class RowsError(XrayError):
    """The list that a page sends back cannot be read."""

    status = 400


@dataclass(frozen=True)
class Row:
    """What became of one file.

    Attributes:
        file: its path, as its sender may see it.
        record: what was found; None where it was refused.
        error: why it was refused, in the visitor's language.
    """

    file: str
    record: Record | None = None
    error: str = ""

    @property
    def lung_share(self) -> float:
        """How much of the picture the lungs cover, in [0, 1]; 0 where there is none."""
        if self.record is None:
            return 0.0
        outlines = re.findall(r"M([\d L]+)Z", self.record.outline)
        contours = [np.array(re.findall(r"\d+", outline), np.int32).reshape(-1, 1, 2) for outline in outlines]
        return float(sum(map(cv2.contourArea, contours))) / (self.record.width * self.record.height)

    @property
    def rank(self) -> int | None:
        """Where its verdict stands when rows are sorted: the higher, the more positive; None where there is none."""
        return _VERDICTS.index(self.record.verdict) if self.record else None


def shown_path(path: str) -> str:
    """Make a client's path fit to be shown: nothing invisible, not too long; its end says most."""
    clean = _printable(path.replace("\\", "/"))
    return clean if len(clean) <= LONGEST_PATH else f"…{clean[1 - LONGEST_PATH :]}"


def pack(rows: Iterable[Row]) -> str:
    """Write rows as the page keeps them: path, id and error of each."""
    return json.dumps([[row.file, row.record.id if row.record else "", row.error] for row in rows], ensure_ascii=False)


def unpack(text: str, records: Records, owner: str | None, *, gone: str, most: int) -> list[Row]:
    """Read what `pack` wrote, and came back from the page.

    Args:
        text: what came.
        records: where the analyses are.
        owner: who asks: somebody else's analyses are not there.
        gone: what to say of an analysis that is not there.
        most: rows that are read.

    Raises:
        RowsError: it is something else.
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
    """Give each analysis, by its id, a file name of its own that any system can write: without folder or ending."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for row in rows:
        if row.record and row.record.id not in found:
            stem = first = slug(row.file)
            number = 1
            # Some systems take Film and film for the same.
            while stem.lower() in taken:
                number += 1
                stem = f"{first}-{number}"
            taken.add(stem.lower())
            found[row.record.id] = stem
    return found


def as_csv(rows: Sequence[Row], models: Sequence[str]) -> str:
    """Write the whole table, a line for each file, the refused ones too.

    Args:
        rows: of the batch.
        models: whose columns are written.
    """
    columns = [f"{model}_{column}" for model in models for column in (*_OF_MODEL, *_classes(rows, model))]
    columns = ["file", "error", "verdict", *columns, *(_OF_BOTH if len(models) > 1 else ()), *_OF_FILM]
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, restval="", extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    names = stems(rows)
    for row in rows:
        line = {"file": harmless(row.file), "error": harmless(row.error), "disclaimer": DISCLAIMER}
        if row.record:
            line |= _said(row.record) | _film(row.record, row.lung_share, names)
        writer.writerow(line)
    # The mark at the start tells spreadsheets that it is UTF-8.
    return "\ufeff" + table.getvalue()


def _said(record: Record) -> dict[str, str]:
    found = {"verdict": record.verdict}
    for said in record.said:
        share = "" if said.heat_in_lungs is None else f"{said.heat_in_lungs:.4f}"
        cells = (said.verdict, f"{said.score:.4f}", f"{said.threshold:.4f}", said.version, share)
        found |= {f"{said.model}_{column}": cell for column, cell in zip(_OF_MODEL, cells, strict=True)}
        if said.classes:
            found[f"{said.model}_called"] = said.called or ""
            found |= {f"{said.model}_{each.label}_score": f"{each.score:.4f}" for each in said.classes}
    if both := record.combined:
        found |= zip(_OF_BOTH, (both.verdict, f"{both.score:.4f}", f"{both.threshold:.4f}"), strict=True)
    return found


def _classes(rows: Sequence[Row], model: str) -> list[str]:
    """Name the columns of a model's several classes; none for a model of two."""
    found = [said for row in rows if row.record for said in row.record.said if said.model == model and said.classes]
    return ["called", *(f"{each.label}_score" for each in found[0].classes)] if found else []


def _film(record: Record, lung_share: float, names: Mapping[str, str]) -> dict[str, str]:
    return {
        "cautions": " ".join(record.cautions),
        "width": str(record.width),
        "height": str(record.height),
        "lung_share": f"{lung_share:.4f}",
        "name_in_zip": names[record.id],
        "time": record.created.isoformat(timespec="seconds"),
        "address": url_for("result.show", id=record.id, _external=True),
    }


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable()).strip()
