"""Every refusal is a problem that says what to do."""

import errno
import os
from io import BytesIO
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
from sqlalchemy.exc import OperationalError
from werkzeug.datastructures import MultiDict

from tests.web.api.program import ANALYSES, assert_problem

VAST = cv2.imencode(".png", np.zeros((5001, 5000), np.uint8))[1].tobytes()


@pytest.mark.parametrize(
    ("data", "status", "kind", "words"),
    [
        (b"", 400, "unreadable-picture", "empty file"),
        (b"not a picture at all", 400, "unreadable-picture", "begins like none of them"),
        (b"GIF89a" + bytes(64), 415, "unsupported-picture", "received GIF"),
        (b"%PDF-1.7 " + bytes(64), 415, "unsupported-picture", "received PDF"),
        (b"\x89PNG\r\n\x1a\n", 400, "unreadable-picture", "truncated"),
        (VAST, 413, "picture-too-large", "million pixels"),
    ],
)
def test_a_file_that_is_not_a_film_is_a_problem_of_its_own_kind(client, create, copies, data, status, kind, words):
    assert words in assert_problem(create(client, data), status, kind)["detail"]
    assert not copies.exists()


def test_a_picture_without_lungs_is_refused_with_the_reason(make_client, make_registry, create, copies):
    nothing = lambda _: np.zeros((1, 128, 128, 1), np.float32)  # noqa: E731
    answer = create(make_client(make_registry(segmenter=nothing)))
    assert "frontal chest radiograph" in assert_problem(answer, 422, "not-a-chest-x-ray")["detail"]
    assert not copies.exists()


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ([], {"file"}),
        ([("model", "both")], {"file"}),
        ([("file", (BytesIO(b"x"), "")), ("model", "both")], {"file"}),
        ([("file", "a picture without a file name"), ("model", "both")], {"file"}),
        ([("file", (BytesIO(b"x"), "film.png")), ("model", "resnet")], {"model"}),
        ([("file", (BytesIO(b"x"), "film.png")), ("model", "both"), ("modell", "both")], {"modell"}),
        ([("file", (BytesIO(b"x"), n)) for n in ("1.png", "2.png")] + [("model", "both")], {"file"}),
        ([("file", (BytesIO(b"x"), "film.png")), ("model", "both"), ("model", "covid_normal")], {"model"}),
    ],
)
def test_a_form_that_is_not_as_documented_names_the_fields(client, copies, form, fields):
    answer = client.post(ANALYSES, data=MultiDict(form), content_type="multipart/form-data")
    errors = assert_problem(answer, 400, "invalid-request")["errors"]
    assert {each["field"] for each in errors} == fields and all(each["detail"] for each in errors)
    assert "resnet" not in str(form) or "covid_normal, covid_pneumo, both" in answer.json["detail"]
    assert not copies.exists()


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/v1", set()),
        ("GET", "/api/v1/%C3%A9%20%3Cscript%3E", set()),
        ("GET", "/api/v2/analyses", set()),
        ("GET", "/api/v1/analyses/", {"POST"}),
        ("DELETE", "/api/v1/analyses", {"POST"}),
        ("PUT", f"/api/v1/analyses/{'A' * 22}", {"GET", "DELETE"}),
        ("POST", "/api/v1/models", {"GET"}),
        ("TRACE", "/api/v1/health", {"GET"}),
    ],
)
def test_a_wrong_address_or_method_is_a_problem_not_a_page(client, method, path, allowed):
    answer = client.open(path, method=method)
    assert assert_problem(answer, 405 if allowed else 404)["instance"] == path
    assert {*answer.headers.get("Allow", "").split(", ")} - {"", "HEAD", "OPTIONS"} == allowed


def test_a_bug_is_a_problem_without_its_inside(make_client, create, monkeypatch):
    monkeypatch.setattr(
        "web.analyses.service.annotated_copy.annotate", Mock(side_effect=RuntimeError("inside information"))
    )
    answer = create(make_client(PROPAGATE_EXCEPTIONS=False))
    assert_problem(answer, 500)
    assert "inside information" not in answer.text


@pytest.mark.parametrize(("code", "status"), [(errno.ENOSPC, 507), (errno.EROFS, 500)])
def test_what_cannot_be_kept_is_a_problem_and_leaves_nothing(client, create, copies, monkeypatch, code, status):
    monkeypatch.setattr("os.replace", Mock(side_effect=OSError(code, os.strerror(code))))
    answer = create(client)
    assert_problem(answer, status, "not-kept")
    assert str(copies) not in answer.text and list(copies.iterdir()) == []


def test_a_database_out_of_reach_is_a_problem(client, create, monkeypatch):
    id = create(client).json["id"]
    error = OperationalError("insert", {}, Exception("inside information"))
    monkeypatch.setattr("sqlalchemy.engine.Connection.execute", Mock(side_effect=error))
    for answer in (create(client), client.get(f"{ANALYSES}/{id}"), client.delete(f"{ANALYSES}/{id}")):
        assert_problem(answer, 503, "not-kept")
        assert "inside information" not in answer.text and "Try again" in answer.json["detail"]
