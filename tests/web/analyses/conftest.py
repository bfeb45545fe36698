"""Analyses that a browser has made, and a look at its list."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import session

from tests.web.pages import text
from web.services import services

ADDRESS = re.compile(r'<h2><a href="/analyses/([\w-]{22})"')


@pytest.fixture
def instance(tmp_path) -> Path:
    return tmp_path / "instance"


@pytest.fixture
def listed():
    """Return the ids on a page of the list, and its plain text."""

    def look(client, **query):
        answer = client.get("/analyses/", query_string=query)
        assert answer.status_code == 200
        return ADDRESS.findall(answer.text), text(answer.text)

    return look


@pytest.fixture
def file(make_record):
    """File analyses for a client's browser without reading films."""

    def add(client, number: int = 1, **fields: object) -> list[str]:
        with client:
            client.get("/analyses/")
            owner = session["visitor"]
        now = datetime.now(UTC)
        with client.application.app_context():
            records = [
                make_record(**{"owner": owner, "created": now - timedelta(minutes=n), "name": f"{n}.png"} | fields)
                for n in range(number)
            ]
            for record in records:
                services().analyses.records.add(record)
        return [record.id for record in records]

    return add
