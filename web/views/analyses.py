"""My analyses: the list of this browser's analyses, as a page and as CSV, and their deletion."""

from collections.abc import Iterable
from datetime import date

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as AnyResponse

from web.analyses import storage
from web.analyses.records import CombinedResult, Record
from web.render import course, spreadsheet
from web.render.course import Step
from web.security import visitors
from web.services import services
from xray import opacity
from xray.annotate.annotated_copy import DISCLAIMER
from xray.networks.heads import LabelScore

blueprint = Blueprint("analyses", __name__, url_prefix="/analyses")

PER_PAGE = 50
# Radiographs that are compared at once: as many as a printed page shows.
MOST_COMPARED = 12
CSV_COLUMNS = (
    "time", "file", "model", "version", "verdict", "score", "threshold", "cautions", "address", "disclaimer",
    *opacity.COLUMNS,
)  # fmt: skip


@blueprint.get("/")
def index() -> str:
    """List this browser's analyses, newest first, a page at a time."""
    service, owner = services().analyses, visitors.token()
    # Expired analyses are deleted here too, in case nobody uploads any more.
    service.tidy()
    total = service.records.count(owner)
    pages = max(1, -(-total // PER_PAGE))
    page = min(max(1, request.args.get("page", 1, type=int)), pages)
    found = service.records.of(owner, limit=PER_PAGE, offset=(page - 1) * PER_PAGE)
    shown = service.pictures.having([record.id for record in found], storage.THUMB)
    return render_template(
        "analyses.html", records=found, shown=shown, total=total, page=page, pages=pages, labels=services().labels
    )


@blueprint.get("/compare")
def compare() -> AnyResponse:
    """Show two or more analyses of this browser side by side, and how the opacity of the lungs changes."""
    ids, days = request.args.getlist("id"), request.args.getlist("day")
    days += [""] * len(ids)
    asked = dict(zip(ids, days, strict=False))
    found = [Step(record, _day(asked[id])) for id in asked if (record := visitors.analysis(id))][:MOST_COMPARED]
    if len(found) < 2:
        flash(_("Choose two or more radiographs to compare."))
        return redirect(url_for("analyses.index"), 303)
    steps = course.ordered(found)
    shown = services().analyses.pictures.having([step.record.id for step in steps], storage.FILM)
    return Response(render_template("compare.html", steps=steps, plots=course.plots(steps), shown=shown))


def _day(written: str) -> date | None:
    """Return the day that a form's field holds; None where it is empty or no day."""
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


@blueprint.get("/analyses.csv")
def as_csv() -> Response:
    """Send this browser's analyses as CSV, one row for each model."""
    owner = visitors.known()
    records = services().analyses.records.each(owner) if owner else ()
    content = spreadsheet.as_csv(CSV_COLUMNS, (row for record in records for row in rows(record)))
    return Response(content, mimetype="text/csv", headers={"Content-Disposition": "attachment; filename=analyses.csv"})


@blueprint.post("/<id>/delete")
def delete(id: str) -> AnyResponse:
    """Delete one analysis with its images; one that is gone already is no error."""
    if record := visitors.analysis(id):
        services().analyses.remove(record)
        flash(_("%(name)s was deleted.", name=record.name))
    return _back()


@blueprint.post("/delete")
def delete_all() -> AnyResponse:
    """Delete all of this browser's analyses."""
    owner = visitors.known()
    number = services().analyses.remove_all(owner) if owner else 0
    flash(ngettext("%(num)d analysis was deleted.", "%(num)d analyses were deleted.", number))
    return _back()


@blueprint.errorhandler(CSRFError)
def expired(error: CSRFError) -> AnyResponse:
    """Show the list again, with fresh tokens."""
    flash(_("The page had expired, so nothing was deleted. Press the button once more."))
    return _back()


def _back() -> AnyResponse:
    page = request.form.get("page", 1, type=int)
    return redirect(url_for("analyses.index", page=page if page > 1 else None), 303)


def rows(record: Record) -> Iterable[dict[str, str]]:
    """Yield the rows of an analysis: one for each model, or each label that a model lists, and one for both models."""
    found: list[tuple[str, str, LabelScore | CombinedResult]] = []
    for result in record.results:
        of_labels = [(f"{result.model}:{each.label}", result.version, each) for each in result.listed]
        found += of_labels or [(result.model, result.version, result.own)]
    if record.combined:
        found.append(("combined", "", record.combined))
    shared = {
        "time": record.created.isoformat(timespec="seconds"),
        "file": spreadsheet.harmless(record.name),
        "cautions": " ".join(record.cautions),
        "address": url_for("result.show", id=record.id, _external=True),
        "disclaimer": DISCLAIMER,
        **spreadsheet.cells(opacity.columns(record.opacity)),
    }
    for model, version, said in found:
        numbers = {"score": f"{said.score:.4f}", "threshold": f"{said.threshold:.4f}"}
        yield shared | {"model": model, "version": version, "verdict": str(said.verdict)} | numbers
