"""A film sent as a program sends it."""

from io import BytesIO

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.web.api.program import ANALYSES


@pytest.fixture
def create(film):
    """Send a film as a program does; further keywords go to the request."""

    def post(client, data=None, name="film.png", model="both", fields=(), **more):
        file = FileStorage(BytesIO(film if data is None else data), name)
        boundary, body = encode_multipart({"file": file, "model": model, **dict(fields)})
        return client.post(ANALYSES, data=body, content_type=f"multipart/form-data; boundary={boundary}", **more)

    return post
