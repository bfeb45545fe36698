"""My analyses: those of this browser. Nobody sees another's, or can guess their address."""

import csv
import io
import json
from collections.abc import Iterable

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as AnyResponse

from web.analyses import pictures
from web.analyses.record import Record
from web.analyses.store import slug
from web.render.report import pdf
from web.security import visitors
from web.services import services
from web.views import result
from web.views.pictures import sent
from xray.annotate.annotated_copy import DISCLAIMER

analyses = Blueprint("analyses", __name__, url_prefix="/analyses")

PER_PAGE = 50
# What spreadsheets begin a formula with, in both widths of letters.
FORMULA = tuple("=+-@＝＋－＠")
CSV_COLUMNS = (
    "time", "file", "model", "version", "verdict", "score", "threshold", "cautions", "address", "disclaimer",
)  # fmt: skip


@analyses.get("/")
def index() -> str:
    """List this browser's analyses, newest first, a page at a time."""
    desk, owner = services().desk, visitors.token()
    # Where nobody analyses any more, whoever looks takes the old ones away.
    desk.tidy()
    total = desk.records.count(owner)
    pages = max(1, -(-total // PER_PAGE))
    page = min(max(1, request.args.get("page", 1, type=int)), pages)
    found = desk.records.of(owner, limit=PER_PAGE, offset=(page - 1) * PER_PAGE)
    shown = desk.pictures.having([record.id for record in found], pictures.THUMB)
    return render_template(
        "analyses.html", records=found, shown=shown, total=total, page=page, pages=pages, labels=services().labels
    )


@analyses.get("/<id>")
def one(id: str) -> str:
    """Open an analysis again."""
    return result.page(visitors.own(id))


@analyses.get("/<id>/<name>")
def picture(id: str, name: str) -> Response:
    """Send a picture of an analysis to its owner."""
    response = sent(services().desk.pictures.open(visitors.own(id).id, name), name, tag=f"{id}-{name}")
    # The browser asks each time: what was deleted is gone from a shared computer too.
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@analyses.get("/<id>.json")
def as_json(id: str) -> Response:
    """Send what was found as JSON."""
    record = visitors.own(id)
    found = {"disclaimer": DISCLAIMER, **record.shared()}
    return _file(json.dumps(found, ensure_ascii=False, indent=2), "application/json", _name(record, "json"))


@analyses.get("/<id>.pdf")
def as_pdf(id: str) -> Response:
    """Send a report of one page, of A4 or, asked with ?paper=letter, of US Letter."""
    record = visitors.own(id)
    size = pdf.PAPERS.get(request.args.get("paper", ""), pdf.A4)
    names = (pictures.FILM, *(pictures.heat(said.model) for said in record.said))
    found = services().desk.pictures.read(record.id, names)
    return _file(pdf.write(record, found, services().labels, size), "application/pdf", _name(record, "pdf"))


@analyses.get("/analyses.csv")
def as_csv() -> Response:
    """Send all of this browser's analyses as a table, one row for each model."""
    owner = visitors.known()
    return _file(_csv(services().desk.records.each(owner) if owner else ()), "text/csv", "analyses.csv")


@analyses.post("/<id>/delete")
def delete(id: str) -> AnyResponse:
    """Take one analysis away, with its pictures; one that is gone already was taken away by an earlier press."""
    if record := visitors.analysis(id):
        services().desk.remove(record)
        flash(_("%(name)s was deleted.", name=record.name))
    return _back()


@analyses.post("/delete")
def delete_all() -> AnyResponse:
    """Take all of this browser's analyses away."""
    owner = visitors.known()
    number = services().desk.remove_all(owner) if owner else 0
    flash(ngettext("%(num)d analysis was deleted.", "%(num)d analyses were deleted.", number))
    return _back()


@analyses.errorhandler(CSRFError)
def expired(error: CSRFError) -> AnyResponse:
    """Show the list anew, with fresh tokens."""
    flash(_("The page had expired, so nothing was deleted. Press the button once more."))
    return _back()


def _back() -> AnyResponse:
    page = request.form.get("page", 1, type=int)
    return redirect(url_for("analyses.index", page=page if page > 1 else None), 303)


def _name(record: Record, ending: str) -> str:
    return f"{slug(record.name)}-{record.id[:6]}.{ending}"


def _file(content: str | bytes, kind: str, name: str) -> Response:
    response = Response(content, mimetype=kind)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _csv(records: Iterable[Record]) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for record in records:
        writer.writerows(rows(record))
    # The mark at the start tells spreadsheets that it is UTF-8.
    return "\ufeff" + table.getvalue()


def rows(record: Record) -> Iterable[tuple[str, ...]]:
    """Yield the table's rows: one for each model, or for each of its several classes, one for both together."""
    address = url_for("analyses.one", id=record.id, _external=True)
    said = []
    for each in record.said:
        own = (each.model, each.version, each.verdict, each.score, each.threshold)
        of_classes = [
            (f"{each.model}:{row.label}", each.version, row.verdict, row.score, row.threshold) for row in each.classes
        ]
        said += of_classes or [own]
    if both := record.combined:
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
            DISCLAIMER,
        )


def harmless(cell: str) -> str:
    """Keep a spreadsheet from reading a file's name as a formula.

    Source:
        OWASP, CSV Injection.
    """
    return f"'{cell}" if cell.lstrip().startswith(FORMULA) or cell.startswith(("\t", "\r", "\n")) else cell
