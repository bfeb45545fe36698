"""A look at a file before it is sent to be read: for those that a browser cannot show, DICOM and 16-bit PNG."""

from flask import Blueprint, Response, request

from web import forms
from web.forms import FormError
from web.i18n import in_words
from xray.annotate.annotated_copy import encode_jpeg, thumbnail
from xray.errors import ImageError
from xray.io import image

LONGEST_SIDE = 512

preview = Blueprint("preview", __name__)


@preview.post("/preview")
def show() -> Response:
    """Answer the picture in the field `file` as a small JPEG, with its own size in two headers; nothing is kept.

    What cannot be read gets the same words as it would get on the form, as plain text.
    """
    try:
        sent = forms.read_file(request)
        if sent is None:
            raise FormError(forms.NO_FILE)
        film = image.load(sent[1])
    except (FormError, ImageError) as error:
        return Response(in_words(error), error.status, mimetype="text/plain")
    height, width = film.shape
    response = Response(encode_jpeg(thumbnail(film.image, LONGEST_SIDE)), mimetype="image/jpeg")
    response.headers["X-Picture-Width"], response.headers["X-Picture-Height"] = str(width), str(height)
    return response
