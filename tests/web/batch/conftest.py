"""Ways to send many pictures."""

import io
import json
from collections.abc import Callable

import pytest
from werkzeug.datastructures import FileStorage

from tests.web.sending import posted


@pytest.fixture
def ask() -> Callable:
    """Send one picture as the page's script does; gives the answer's JSON."""

    def post(client, data, name="film.png", *, status=200, **fields):
        fields = {"function": "classify", "model": "both", "file": FileStorage(io.BytesIO(data), name), **fields}
        answer = posted(client, "/batch/one", fields)
        assert answer.status_code == status, answer.text
        return answer.json

    return post


@pytest.fixture
def send_all() -> Callable:
    """Send the whole form as a browser without JavaScript does; gives the answer."""

    def post(client, *files, **fields):
        fields = {"function": "classify", "model": "both", **fields}
        fields["file"] = [FileStorage(io.BytesIO(data), name) for name, data in files]
        return posted(client, "/batch", fields)

    return post


@pytest.fixture
def batch_of(ask: Callable) -> Callable:
    """Send pictures one by one; gives the list that the page keeps."""

    def read(client, *files, **fields):
        told = [ask(client, data, name, **fields) for name, data in files]
        return json.dumps([[each["file"], each["id"], each["error"]] for each in told])

    return read
