"""Many pictures: read one by one as the page sends them, or, without JavaScript, in an answer that streams."""

import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import IO

from flask import Blueprint, Response, current_app, jsonify, render_template, request, stream_template, url_for
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from web import forms
from web.batch import downloads, unpack, uploads
from web.batch import table as batch_table
from web.batch.table import Row, RowsError
from web.batch.unpack import Sent
from web.forms import FormError
from web.i18n import in_words
from web.security import visitors
from web.security.slow_uploads import drain
from web.services import services
from web.settings import MIB
from xray import combined
from xray.errors import Phrase

blueprint = Blueprint("batch", __name__, url_prefix="/batch")

CLASSIFY, MASK, SHOW = FUNCTIONS = ("classify", "mask", "show")
# The list of a batch that comes back from the page: some hundred bytes for each file.
LIST_BYTES = 4 * MIB
# Fields of the form beside its files.
FIELDS = 16

NO_FILES = Phrase("No pictures came with the form. Choose some files, a folder or a zip, then press Start.")
UNKNOWN_FUNCTION = Phrase("That function is not known here. Choose one from the form.")
TOO_MANY = Phrase("Expected at most %(limit)s files at once, received %(count)s. Please send them in parts.")
TOO_LARGE = Phrase(
    "Expected at most %(limit)s files with %(size)s MiB in all, received more. Please send them in parts, or switch "
    "JavaScript on: then they are sent one by one."
)
TOO_LARGE_ONE = Phrase("Expected at most %(size)s MiB, received more. Please send a smaller export.")
EXPIRED = Phrase("The page had expired, so nothing was read. Load it again, and start anew.")
NOTHING_LEFT = Phrase("None of these analyses is here any more, so there is nothing to download.")


@blueprint.url_value_preprocessor
def make_room(endpoint: str | None, values: object) -> None:
    """Let many files in where many are asked for; earlier than anything looks at the form."""
    if endpoint == uploads.ENDPOINT:
        request.max_content_length = current_app.config["BATCH_CONTENT_LENGTH"]
        request.max_form_parts = current_app.config["BATCH_COUNT"] + FIELDS
    elif endpoint in ("batch.table", "batch.download"):
        request.max_form_memory_size = LIST_BYTES


@blueprint.get("")
def index() -> AnyResponse:
    """Show the form."""
    return _page()


@blueprint.post("/one")
def one() -> AnyResponse:
    """Read one picture of a batch; the answer is its row of the table, whether it was read or refused."""
    function, choice = _asked()
    file = request.files.get("file")
    if file is None or not file.filename:
        raise FormError(NO_FILES)
    row = uploads.read(Sent(request.form.get("path") or file.filename, file.read()), choice, visitors.token())
    record = row.record
    return jsonify(
        file=row.file,
        error=row.error,
        id=record.id if record else "",
        verdict=record.verdict if record else "",
        thumbnail=url_for("result.picture", id=record.id, name="thumb.jpg") if record else "",
        row=render_template("_batch_row.html", row=row, **_columns(function, choice)),
    )


@blueprint.post("")
def many() -> AnyResponse:
    """Read all pictures of one form, and send each row as soon as it is there."""
    function, choice = _asked()
    files = [(str(file.filename), file) for file in request.files.getlist("file") if file.filename]
    files = [(path, file) for path, file in files if not unpack.passed_over(path)]
    limit = current_app.config["BATCH_COUNT"]
    if not files:
        raise FormError(NO_FILES)
    if len(files) > limit:
        raise FormError(TOO_MANY, limit=limit, count=len(files))
    done: list[Row] = []
    shown = uploads.read_all([(path, _kept(file)) for path, file in files], choice, visitors.token(), done)
    page = stream_template(
        "batch.html",
        shown=shown,
        packed=lambda: batch_table.pack(done),
        streams=True,
        asked={},
        **_columns(function, choice),
    )
    # Some proxies would keep the answer until it is whole.
    return Response(page, headers={"X-Accel-Buffering": "no"})


@blueprint.post("/table")
def table() -> AnyResponse:
    """Show a batch that was read before, sorted and filtered as asked."""
    found, (function, choice) = _list(), _asked()
    return _table(found, function, choice)


@blueprint.post("/download")
def download() -> AnyResponse:
    """Send what came of a batch: the table, or pictures of one kind in a zip."""
    found, (function, choice) = _list(), _asked()
    what, desk = request.form.get("what", ""), services().desk
    text = batch_table.as_csv(found, desk.analyzer.expand(choice))
    if what not in downloads.KINDS:
        return _attached([text.encode()], "text/csv", "batch.csv")
    if not any(row.record for row in found):
        return _table(found, function, choice, problem=_(NOTHING_LEFT))
    beside = [("README.txt", _about(what).encode()), ("table.csv", text.encode())]
    return _attached(
        downloads.write(chain(beside, downloads.files(what, found, desk))), "application/zip", f"{what}.zip"
    )


@blueprint.errorhandler(FormError)
@blueprint.errorhandler(RowsError)
def refused(error: FormError | RowsError) -> AnyResponse:
    """Say why nothing was read."""
    return _problem(in_words(error), error.status, request.form)


@blueprint.errorhandler(CSRFError)
def expired(error: CSRFError) -> AnyResponse:
    """Offer the form anew, with a fresh token."""
    return _problem(_(EXPIRED), 400)


@blueprint.errorhandler(RequestEntityTooLarge)
def too_large(error: RequestEntityTooLarge) -> AnyResponse:
    """Say how much can be sent at once."""
    drain()
    config = current_app.config
    if request.endpoint == "batch.one":
        return _problem(_(TOO_LARGE_ONE, size=config["MAX_CONTENT_LENGTH"] // MIB), 413)
    return _problem(_(TOO_LARGE, limit=config["BATCH_COUNT"], size=config["BATCH_CONTENT_LENGTH"] // MIB), 413)


def _asked() -> tuple[str, str]:
    """Return the function and the choice of models that the form asks for."""
    function, choice = request.form.get("function", ""), request.form.get("model", "")
    if function not in FUNCTIONS:
        raise FormError(UNKNOWN_FUNCTION)
    if choice not in forms.choices(services().desk.analyzer.names):
        raise FormError(forms.UNKNOWN_MODEL)
    return function, choice


def _list() -> list[Row]:
    """Read the list of the batch that the page sends back."""
    most = current_app.config["BATCH_COUNT"]
    text = request.form.get("rows", "")
    return batch_table.unpack(text, services().desk.records, visitors.known(), gone=_(batch_table.GONE), most=most)


def _kept(file: FileStorage) -> IO[bytes]:
    """Return a file's content, so that Flask does not close it before the answer has streamed."""
    content, file.stream = file.stream, io.BytesIO()
    return content


def _columns(function: str, choice: str) -> dict[str, object]:
    """Give what the table's head and each row need to know."""
    models, labels = services().desk.analyzer.expand(choice), services().labels
    sortable = [("file", _("File"))]
    if function == MASK:
        sortable.append(("lungs", _("Lungs")))
    elif function == SHOW:
        sortable += [(batch_table.heat(model), labels[model]) for model in models]
    else:
        sortable += [("verdict", _("Together"))] if set(models) >= set(combined.MODELS) else []
        sortable += [(model, labels[model]) for model in models]
    return {
        "function": function,
        "choice": choice,
        "columns": models,
        "labels": labels,
        "choices": services().choices,
        "sortable": sortable,
        "blank": Row(""),
        "zips": unpack,
    }


def _table(found: Sequence[Row], function: str, choice: str, problem: str = "") -> AnyResponse:
    form = request.form
    shown = batch_table.arranged(
        found,
        services().desk.analyzer.expand(choice),
        by=form.get("by", ""),
        down=form.get("down") == "1",
        kind=form.get("kind", ""),
        text=form.get("text", ""),
    )
    columns = _columns(function, choice)
    return _page(200, shown=shown, packed=lambda: batch_table.pack(found), problem=problem, asked=form, **columns)


def _page(status: int = 200, **values: object) -> AnyResponse:
    values = {"asked": {}, **_columns(CLASSIFY, forms.BOTH), **values}
    return Response(render_template("batch.html", **values), status)


def _problem(words: str, status: int, asked: Mapping[str, str] | None = None) -> AnyResponse:
    if request.endpoint == "batch.one":
        return Response(jsonify(problem=words).data, status, mimetype="application/json")
    return _page(status, problem=words, asked=asked or {})


def _about(what: str) -> str:
    """Say what a zip holds, and what it is not."""
    held = {
        "copies": _("Annotated copies: radiograph, heat map and conclusion on one sheet, in a folder for each model."),
        "masks": _("Lung masks, as large as the pictures: white is lung."),
        "masked": _("Pictures with everything but the lungs black; the longer side has at most 1,024 pixels."),
        "heat": _("Pictures under the heat map of each model; the longer side has at most 1,024 pixels."),
    }
    names = _("table.csv says which picture came from which file, and what was found.")
    return "\r\n".join([held[what], names, _("For education and research only, not for diagnosis."), ""])


def _attached(content: Iterable[bytes], mimetype: str, name: str) -> AnyResponse:
    return Response(content, mimetype=mimetype, headers={"Content-Disposition": f'attachment; filename="{name}"'})
