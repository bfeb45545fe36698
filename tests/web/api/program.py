"""What a program does with the interface, and what it may expect of every refusal."""

from contextlib import contextmanager
from threading import Thread

import cv2
import numpy as np
from werkzeug.serving import make_server

ANALYSES = "/api/v1/analyses"
DISCLAIMER = "For education and research only, not for diagnosis."
MINE, THEIRS = "a-token-that-is-mine", "a-token-that-is-theirs"
LOCAL = "http://localhost"


def bearer(token):
    return {"headers": {"Authorization": f"Bearer {token}"}}


def assert_problem(answer, status, kind=None):
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert set(answer.json) - {"errors"} == {"type", "title", "status", "detail", "instance"}
    assert answer.json["status"] == status and answer.json["title"] and answer.json["detail"]
    assert answer.json["type"] == (f"{LOCAL}/api#{kind}" if kind else "about:blank")
    return answer.json


def decoded(client, address, **more):
    answer = client.get(address.removeprefix(LOCAL), **more)
    assert answer.status_code == 200
    return answer.mimetype, cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_UNCHANGED)


@contextmanager
def served(app):
    """Serve an application on a free port; yields its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
