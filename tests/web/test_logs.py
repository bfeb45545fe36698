"""What is logged, for machines that collect it."""

import json
import logging
import re
import sys

import pytest

from web.logs import HEADER, JsonLines


@pytest.fixture(autouse=True)
def _loggers_as_they_were():
    yield
    for logger in (logging.getLogger("web"), logging.getLogger("web.requests")):
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


def test_an_error_s_lines_are_one_object():
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("web", logging.ERROR, __file__, 1, "it %s", ("broke",), None)
        record.exc_info = sys.exc_info()
    written = JsonLines().format(record)
    assert "\n" not in written
    assert json.loads(written)["message"] == "it broke" and "ValueError: two" in json.loads(written)["exception"]


def test_without_the_setting_nothing_is_logged_of_a_request(client, capsys):
    client.get("/about")
    assert capsys.readouterr().err == ""
