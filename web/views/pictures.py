"""Sends a stored image."""

import mimetypes
from io import BytesIO

from flask import Response, abort, send_file


def sent(content: bytes | None, name: str, *, tag: str) -> Response:
    """Send an image, or end the request with 404.

    Args:
        content: of the image; None where there is none.
        name: of its file, which tells its type.
        tag: its ETag; what is stored under a name never changes.
    """
    if content is None:
        abort(404)
    return send_file(BytesIO(content), mimetypes.guess_type(name)[0], etag=tag)
