"""Every refusal: its status, its words, and the way back."""

import errno
import os
import re
from io import BytesIO
from unittest.mock import Mock

import numpy as np
import pytest

from xray.quality.out_of_distribution import NOT_FRONTAL

DISCLAIMER = "For education and research only, not for diagnosis"
GIF = b"GIF89a" + bytes(64)
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def assert_form_with_problem(answer, status, words, model):
    assert answer.status_code == status
    assert 'role="alert"' in answer.text and words in answer.text
    assert f'<option value="{model}" selected>' in answer.text
    assert DISCLAIMER in answer.text


@pytest.mark.parametrize(
    ("data", "name", "status", "words"),
    [
        (b"", "empty.png", 400, "The file is empty"),
        (b"not a picture at all", "film.png", 400, "begins like none of them"),
        (GIF, "film.png", 415, "received GIF"),
        (SVG, "film.png", 415, "received SVG"),
        (b"%PDF-1.7 " + bytes(64), "film.pdf", 415, "received PDF"),
    ],
)
def test_a_file_that_is_not_a_film_is_refused_on_the_form(client, send, copies, data, name, status, words):
    answer = send(client, data, name, model="covid_pneumo")
    assert_form_with_problem(answer, status, words, "covid_pneumo")
    assert not copies.exists()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"segmenter": lambda _: np.zeros((1, 128, 128, 1), np.float32)}, "lung"),
        ({"said": (NOT_FRONTAL,)}, "looks like something else"),
    ],
)
def test_what_is_no_chest_film_is_refused_with_a_reason(make_client, make_registry, send, copies, settings, words):
    answer = send(make_client(make_registry(**settings)), model="covid_normal")
    assert_form_with_problem(answer, 422, words, "covid_normal")
    assert not copies.exists()


@pytest.mark.parametrize("fields", [{}, {"file": "only words"}, {"file": (BytesIO(b"x"), "")}])
def test_a_form_without_a_file_or_with_an_unknown_model_is_told_so(client, send, fields):
    answer = client.post("/query", data=fields | {"model": "both"}, content_type="multipart/form-data")
    assert_form_with_problem(answer, 400, "No picture came with the form", "both")
    for model in ("", "../covid_normal"):
        answer = send(client, model=model)
        assert answer.status_code == 400 and "not known here" in answer.text


def test_an_upload_over_the_limit_has_its_own_page(make_client, send):
    answer = send(make_client(MAX_CONTENT_LENGTH=2 * 1024 * 1024), bytes(3 * 1024 * 1024))
    assert answer.status_code == 413
    assert "At most 2 MiB" in answer.text and 'href="/"' in answer.text
    assert send(make_client(), note="x" * 300_000).status_code == 413, "an endless field"


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/nowhere", 404, "There is no such page"),
        ("GET", "/static/nothing.css", 404, "There is no such page"),
        ("DELETE", "/query", 405, "That cannot be done here"),
        ("POST", "/", 405, "That cannot be done here"),
    ],
)
def test_a_wrong_turn_has_a_page_that_leads_back(client, method, path, status, words):
    answer = client.open(path, method=method)
    assert answer.status_code == status
    assert words in answer.text and 'href="/"' in answer.text and DISCLAIMER in answer.text
    assert ("Allow" in answer.headers) is (status == 405)


def test_a_bug_is_a_500_page_without_a_verdict_and_without_its_inside(make_app, send, monkeypatch):
    app = make_app(PROPAGATE_EXCEPTIONS=False)
    monkeypatch.setattr(
        "web.analyses.service.annotated_copy.annotate", Mock(side_effect=RuntimeError("inside information"))
    )
    answer = send(app.test_client())
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert "inside information" not in answer.text
    assert not re.search("POSITIVE|NEGATIVE|INCONCLUSIVE", answer.text)


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [(errno.ENOSPC, 507, "no room left on the disk"), (errno.EROFS, 500, "folder of saved copies")],
)
def test_when_the_second_copy_cannot_be_written_the_first_is_taken_back(
    client, send, copies, monkeypatch, code, status, words
):
    move, there = os.replace, []

    def replace(draft, target):
        if target.parent == copies:
            there.append(len(list(copies.glob("[A-Z]*"))))
            if len(there) == 2:
                raise OSError(code, os.strerror(code))
        move(draft, target)

    monkeypatch.setattr("os.replace", replace)
    answer = send(client, model="both")
    assert answer.status_code == status and words in answer.text
    assert there == [0, 1] and list(copies.iterdir()) == []
    assert str(copies) not in answer.text
