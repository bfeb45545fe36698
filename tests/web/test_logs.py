"""What is logged, for machines that collect it."""

import json
import logging
import re

import pytest
from flask.logging import default_handler

from web.logs import HEADER


@pytest.fixture(autouse=True)
def _loggers_as_they_were():
    yield
    for logger in map(logging.getLogger, ("web", "web.requests", "flask-limiter")):
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.NOTSET)


def read(capsys) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]


def test_each_answer_is_a_line_with_its_request_s_id(make_app, capsys):
    answer = make_app(LOG_FORMAT="json").test_client().get("/about")
    (line,) = read(capsys)
    assert (line["method"], line["route"], line["status"], line["level"]) == ("GET", "/about", 200, "INFO")
    assert line["request_id"] == answer.headers[HEADER] and line["ms"] > 0


def test_no_line_holds_a_file_s_name_an_id_or_an_address(make_app, send, capsys):
    client = make_app(LOG_FORMAT="json").test_client()
    page = send(client, name="Jane Doe 4711.png").text
    id = re.search(r"/analyses/([\w-]{22})", page)[1]
    client.get(f"/analyses/{id}?page=4711", environ_base={"REMOTE_ADDR": "203.0.113.7"})
    written = json.dumps(read(capsys))
    assert "/analyses/<id>" in written
    for private in (id, "Jane", "4711", "203.0.113.7", "127.0.0.1"):
        assert private not in written


@pytest.mark.parametrize(
    ("given", "kept"),
    [("proxy-1234567890", True), ("short", False), ('x" injected="12345678', False), ("a" * 200, False)],
)
def test_a_proxy_may_name_a_request_but_nothing_odd_gets_into_the_log(client, given, kept):
    assert (client.get("/", headers={HEADER: given}).headers[HEADER] == given) is kept


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("kind", ["the system's", "one sentence's", "chained"])
def test_an_error_tells_the_log_where_it_happened_but_no_file_s_name(make_app, capsys, monkeypatch, form, kind):
    name = f"POSITIVE_Prob_99_Name_DOE_JANE_{'A' * 22}.jpg"
    refused = PermissionError(13, "Permission denied", f"/data/{name}")

    def fail(*_, **__):
        if kind == "one sentence's":
            raise OSError(f"cannot read {name}")
        try:
            raise refused
        except OSError as error:
            if kind == "chained":
                raise ValueError("a bug of ours") from error
            raise

    app = make_app(LOG_FORMAT=form)
    if form == "text":
        # Flask adds it by itself where nobody else, such as pytest, takes the lines.
        app.logger.addHandler(default_handler)
    monkeypatch.setattr("web.security.visitors.analysis", fail)
    assert app.test_client().get(f"/analyses/{name}/film.jpg?page=DOE").status_code == 500
    written = capsys.readouterr().err
    assert "DOE" not in written and "/data" not in written
    if form == "json":
        (line,) = [each for each in map(json.loads, written.splitlines()) if each["level"] == "ERROR"]
        written = f"{line['message']}\n{line['exception']}"
        assert line["request_id"]
    assert "Exception on /analyses/<id>/<name> [GET]\nTraceback (most recent call last):" in written
    assert f'File "{__file__}"' in written and "in fail" in written, "the way to it"
    if kind == "one sentence's":
        assert written.rstrip().endswith("OSError: …")
    else:
        assert "PermissionError: Permission denied" in written
    if kind == "chained":
        assert "was the direct cause" in written and written.rstrip().endswith("ValueError: a bug of ours")
