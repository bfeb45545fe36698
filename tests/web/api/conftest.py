"""A film sent as a program sends it."""

from io import BytesIO

import pytest
from werkzeug.datastructures import FileStorage

from tests.web.api.program import ANALYSES
from tests.web.sending import posted


@pytest.fixture
def create(film):
    """Send a film as a program does; further keywords go to the request."""

    def post(client, data=film, name="film.png", model="both", fields=(), **more):
        return posted(
            client, ANALYSES, {"file": FileStorage(BytesIO(data), name), "model": model, **dict(fields)}, **more
        )

    return post
