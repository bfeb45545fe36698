"""Sends a kept picture, from wherever it is kept."""

import mimetypes
from pathlib import Path

from flask import Response, abort, send_file

from web.analyses.homes import Opened


def sent(found: Opened | None, name: str, *, tag: str) -> Response:
    """Send a picture, or end the request: there is none.

    Args:
        found: the picture.
        name: of its file, which tells its kind.
        tag: stands for its content where no file's age and size can: what is kept under a name never changes.
    """
    if found is None:
        abort(404)
    if not isinstance(found, Path):
        return send_file(found, mimetypes.guess_type(name)[0], etag=tag)
    try:
        # Where it lies is told from where the server was started, as when it was written.
        return send_file(found.absolute())
    except FileNotFoundError:
        abort(404)  # taken away since
