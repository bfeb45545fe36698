"""What a program does with the interface, and what it may expect of every refusal."""

import cv2
import numpy as np

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
