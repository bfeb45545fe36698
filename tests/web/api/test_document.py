"""The OpenAPI document and the page to try it."""

import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from tests.web.api.program import ANALYSES, MINE, served
from web.api import answers
from web.api.document import EXAMPLE_ANALYSIS, EXAMPLE_HEALTH, EXAMPLE_MODEL
from xray.networks import metadata


@pytest.fixture
def document(client):
    return client.get("/api/v1/openapi.json").json


def test_the_document_holds_every_route_and_every_refusal(client, document):
    rules = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in client.application.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and not rule.rule.endswith("openapi.json")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    found = {(path, method) for path, paths in document["paths"].items() for method in paths if method != "parameters"}
    assert found == rules
    create = document["paths"][ANALYSES]["post"]["responses"]
    assert set(create) == {"201", "400", "401", "413", "415", "422", "429", "500", "503", "507"}
    refusals = document["components"]["responses"].values()
    assert all(list(answer["content"]) == ["application/problem+json"] for answer in refusals)


@pytest.mark.parametrize(("settings", "asked"), [({}, False), ({"API_TOKENS": MINE}, True), ({"PASSWORD": "x"}, True)])
def test_the_document_and_the_page_say_whether_a_token_is_asked(make_client, settings, asked):
    client = make_client(**settings)
    client.post("/password", data={"password": "x"})
    document = client.get("/api/v1/openapi.json").json
    assert document.get("security") == ([{"token": []}] if asked else None)
    assert document["paths"]["/api/v1/health"]["get"]["security"] == []


def shape(value):
    """Reduce an answer to its members; of a list, to those of its first one."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items() if name != "pictures"}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


def test_the_examples_look_like_real_answers(make_client, make_registry, create, make_opacity_map):
    client = make_client(make_registry(said=("child",), opacity=make_opacity_map()))
    assert shape(create(client, model="covid_normal").json) == shape(EXAMPLE_ANALYSIS)
    assert shape(client.get("/api/v1/health").json) == shape(EXAMPLE_HEALTH)
    facts = metadata.load(Path("model/covid_normal/metadata.json"))
    with client.application.test_request_context():
        assert shape(answers.model(facts) | {"created": ""}) == shape(EXAMPLE_MODEL)


@pytest.mark.parametrize("start", ["import", "curl -F"])
def test_the_snippets_of_the_page_run_as_they_stand(make_app, film, tmp_path, start):
    app = make_app()
    with served(app) as address:
        page = app.test_client().get("/api", base_url=address).text
        snippet = unescape(re.search(f"<code>({start}.*?)</code>", page, re.DOTALL)[1])
        (tmp_path / "film.png").write_bytes(film)
        command = [sys.executable, "-c", snippet] if start == "import" else ["sh", "-c", f"{snippet} --silent"]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    if start == "import":
        assert run.stdout.splitlines() == [
            "other-pneumonia", "covid_normal abnormal POSITIVE 0.97", "covid_pneumo other-pneumonia NEGATIVE 0.12"
        ]  # fmt: skip
    else:
        assert json.loads(run.stdout)["finding"] == "other-pneumonia"
