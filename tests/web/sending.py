"""Forms as browsers and programs send them."""

from flask.testing import FlaskClient
from werkzeug.test import TestResponse, encode_multipart


def posted(client: FlaskClient, address: str, fields: dict[str, object], **more: object) -> TestResponse:
    """Send a form with files; further keywords go to the request."""
    # Encoded here: the test client would leave a temporary file open.
    boundary, body = encode_multipart(fields)
    return client.post(address, data=body, content_type=f"multipart/form-data; boundary={boundary}", **more)
