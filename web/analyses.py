"""My analyses: those of this browser. Nobody sees another's, or can guess their address."""

import csv
import io
from collections.abc import Iterable

from flask import Blueprint, Response, abort, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as AnyResponse

from web import visitor
from web.record import Record
from web.services import services

analyses = Blueprint("analyses", __name__, url_prefix="/analyses")

PER_PAGE = 50
CSV_COLUMNS = ("time", "file", "model", "version", "verdict", "score", "threshold", "cautions", "address")


@analyses.get("/")
def index() -> str:
    """List this browser's analyses, newest first, a page at a time."""
    page = max(1, request.args.get("page", 1, type=int))
    records, owner = services().desk.records, visitor.known()
    total = records.count(owner) if owner else 0
    found = records.of(owner, limit=PER_PAGE, offset=(page - 1) * PER_PAGE) if owner else []
    pages = max(1, -(-total // PER_PAGE))
    return render_template(
        "analyses.html", records=found, total=total, page=page, pages=pages, labels=services().labels
    )


@analyses.get("/<id>")
def one(id: str) -> str:
    """Open an analysis again."""
    return render_template("result.html", record=_own(id), labels=services().labels)


@analyses.get("/<id>/<name>")
def picture(id: str, name: str) -> Response:
    """Send a picture of an analysis to its owner."""
    path = services().desk.pictures.path(_own(id).id, name)
    if path is None:
        abort(404)
    response = send_file(path)
    # The owner's browser may keep it for a while; nobody in between may.
    response.headers["Cache-Control"] = "private, max-age=3600, immutable"
    return response


@analyses.get("/<id>.json")
def as_json(id: str) -> Response:
    """Send what was found as JSON."""
    record = _own(id)
    response = Response(record.to_json(), mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="analysis-{record.id[:8]}.json"'
    return response


@analyses.get("/analyses.csv")
def as_csv() -> Response:
    """Send all of this browser's analyses as a table, one row for each model."""
    owner = visitor.known()
    found = services().desk.records.of(owner) if owner else []
    response = Response(_csv(found), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="analyses.csv"'
    return response


@analyses.post("/<id>/delete")
def delete(id: str) -> AnyResponse:
    """Take one analysis away, with its pictures."""
    services().desk.remove(_own(id))
    return redirect(url_for("analyses.index"), 303)


@analyses.post("/delete")
def delete_all() -> AnyResponse:
    """Take all of this browser's analyses away."""
    owner = visitor.known()
    for record in services().desk.records.of(owner) if owner else []:
        services().desk.remove(record)
    return redirect(url_for("analyses.index"), 303)


def _own(id: str) -> Record:
    """Return this browser's analysis; to everybody else there is none."""
    owner = visitor.known()
    record = services().desk.records.get(id, owner) if owner else None
    if record is None:
        abort(404)
    return record


def _csv(records: Iterable[Record]) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for record in records:
        for row in rows(record):
            writer.writerow(row)
    # The mark at the start tells spreadsheets that it is UTF-8.
    return "\ufeff" + table.getvalue()


def rows(record: Record) -> Iterable[tuple[str, ...]]:
    """Yield the table's rows of one analysis: one for each model, one for both together."""
    address = url_for("analyses.one", id=record.id, _external=True)
    said = [(each.model, each.version, each.verdict, each.score, each.threshold) for each in record.said]
    if record.combined:
        both = record.combined
        said.append(("combined", "", both.verdict, both.score, both.threshold))
    for model, version, verdict, score, threshold in said:
        yield (
            record.created.isoformat(timespec="seconds"),
            harmless(record.name),
            model,
            version,
            verdict,
            f"{score:.4f}",
            f"{threshold:.4f}",
            " ".join(record.cautions),
            address,
        )


def harmless(cell: str) -> str:
    """Keep a spreadsheet from reading a file's name as a formula.

    Source:
        OWASP, CSV Injection.
    """
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
