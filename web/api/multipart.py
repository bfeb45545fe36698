"""Forms with a file: fields and files checked together, against one schema."""

from flask import Request
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import UnsupportedMediaType

from web.views import errors

MULTIPART = "multipart"
MEDIA_TYPE = "multipart/form-data"


class MultipartParser(FlaskParser):
    """A parser that knows one more place: the fields and the files of a form."""

    __location_map__ = {**FlaskParser.__location_map__, MULTIPART: "load_multipart"}  # noqa: RUF012

    def load_multipart(self, request: Request, _: Schema) -> dict[str, str | FileStorage]:
        """Read each field of a form.

        Raises:
            UnsupportedMediaType: it is no such form.
            ValidationError: a field came twice, so one of them would be forgotten in silence.
        """
        if request.mimetype != MEDIA_TYPE:
            errors.drain()
            raise UnsupportedMediaType(f"Expected {MEDIA_TYPE}. Received: {request.mimetype or 'no media type'}.")
        found: dict[str, str | FileStorage] = {}
        sent: list[tuple[str, str | FileStorage]] = [*request.files.items(multi=True), *request.form.items(multi=True)]
        for name, value in sent:
            if name in found:
                raise ValidationError({name: ["Expected it once, received it more often. Send one film a request."]})
            found[name] = value
        return found


class MultipartBlueprint(Blueprint):
    """Routes that may take such forms."""

    ARGUMENTS_PARSER = MultipartParser()
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING = {**Blueprint.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING, MULTIPART: MEDIA_TYPE}
