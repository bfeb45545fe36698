"""My analyses: the list of this browser's analyses, as a page and as CSV, and their deletion."""

from collections.abc import Iterable
from datetime import date

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as AnyResponse

from web.analyses import storage
from web.analyses.records import Record
from web.render import course, spreadsheet
from web.render.course import Step
from web.render.findings import finding_words
from web.security import visitors
from web.services import services
from web.translation import gettext as _
from web.translation import ngettext
from xray import combined, opacity
from xray.annotate.words import DISCLAIMER
from xray.finding import Finding, possible

blueprint = Blueprint("analyses", __name__, url_prefix="/analyses")

PER_PAGE = 50
# Radiographs that are compared at once: as many as a printed page shows.
MOST_COMPARED = 12
CSV_COLUMNS = (
    "time", "file", "model", "version", "finding", "verdict", *spreadsheet.SCORES, "cautions", "address", "disclaimer",
    *opacity.COLUMNS,
)  # fmt: skip


@blueprint.get("/")
def index() -> str:
    """List this browser's analyses, newest first, a page at a time."""
    service, owner = services().analyses, visitors.token()
    # Expired analyses are deleted here too, in case nobody uploads any more.
    service.tidy()
    total, finding = service.records.count(owner), request.args.get("finding", "")
    wanted = [record for record in service.records.each(owner) if finding in record.found] if finding else None
    pages = max(1, -(-(total if wanted is None else len(wanted)) // PER_PAGE))
    page = min(max(1, request.args.get("page", 1, type=int)), pages)
    first = (page - 1) * PER_PAGE
    if wanted is None:
        found = service.records.of(owner, limit=PER_PAGE, offset=first)
    else:
        found = wanted[first : first + PER_PAGE]
    shown = service.pictures.having([record.id for record in found], storage.THUMB)
    return render_template(
        "analyses.html",
        records=found,
        shown=shown,
        total=total,
        page=page,
        pages=pages,
        labels=services().labels,
        finding=finding,
        findings=_findings(),
    )


def _findings() -> dict[str, str]:
    """Return all that can be found by any choice of the form, undecided last, and each in words."""
    models = services().models
    asked = [list(models.values()), *([facts] for facts in models.values())]
    found: dict[str, str] = {}
    for heads in asked:
        for each in possible(heads):
            found.setdefault(each, finding_words(each, heads[0]))
    return dict(sorted(found.items(), key=lambda pair: pair[0] == Finding.UNDECIDED))


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
    versions = {result.model: result.version for result in record.results}
    shared = {
        "time": record.created.isoformat(timespec="seconds"),
        "file": spreadsheet.harmless(record.name),
        "cautions": " ".join(record.cautions),
        "address": url_for("result.show", id=record.id, _external=True),
        "disclaimer": DISCLAIMER,
        **spreadsheet.cells(opacity.columns(record.opacity)),
    }
    for name, said, finding in combined.rows(record.results):
        version = versions.get(name.partition(":")[0], "")
        words = {"model": name, "version": version, "finding": finding or "", "verdict": str(said.verdict)}
        yield shared | words | spreadsheet.scores(said)
