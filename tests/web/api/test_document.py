"""The OpenAPI document and the page to try it."""

import json
import re
import subprocess
import sys
from contextlib import contextmanager
from html import unescape
from io import BytesIO
from pathlib import Path
from threading import Thread

import pytest
from werkzeug.serving import make_server

from tests.web.api.program import ANALYSES, DISCLAIMER, LOCAL, MINE
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


def test_the_document_states_the_request_and_its_limits(make_client):
    document = make_client(MAX_CONTENT_LENGTH=5 * 1024 * 1024).get("/api/v1/openapi.json").json
    request = document["components"]["schemas"]["AnalysisRequest"]
    assert request["properties"]["model"]["enum"] == ["covid_normal", "covid_pneumo", "both"]
    assert request["properties"]["file"]["format"] == "binary" and set(request["required"]) == {"file"}
    for words in ("5242880 bytes", "PNG, JPEG or DICOM", "25 million pixels", "64 pixels a side"):
        assert words in request["properties"]["file"]["description"] and words in document["info"]["description"]


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


def test_the_page_shows_each_operation_with_a_command_for_this_host(make_client):
    client = make_client(API_TOKENS=MINE)
    document = client.get("/api/v1/openapi.json", base_url="https://films.example").json
    page = client.get("/api", base_url="https://films.example").text
    for path, paths in document["paths"].items():
        assert f"<code>{path}</code>" in page
        assert all(operation["summary"] in page for method, operation in paths.items() if method != "parameters")
    assert "https://films.example/api/v1/analyses&#34;" in page
    assert page.count("Authorization: Bearer $TOKEN") == len(re.findall("<code>curl ", page)) - 1
    assert DISCLAIMER in page and "Set-Cookie" not in client.get("/api/v1/openapi.json").headers


@pytest.mark.parametrize("start", ["import", "curl -F"])
def test_the_snippets_of_the_page_run_as_they_stand(make_app, film, tmp_path, start):
    app = make_app()
    with serving(app) as address:
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


@contextmanager
def serving(app):
    """Serve an application on a free port; yields its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()


def test_the_type_of_each_problem_is_explained_at_its_address(client, create):
    address, _, anchor = create(client, b"not a picture").json["type"].removeprefix(LOCAL).partition("#")
    assert f'id="{anchor}"' in client.get(address).text


def test_the_form_works_without_a_script(make_client, film):
    client = make_client(WTF_CSRF_ENABLED=True)
    page = client.get("/api").text
    form = re.search(r'<form[^>]*id="try-form".*?</form>', page, re.DOTALL)[0]
    assert 'method="post"' in form and 'enctype="multipart/form-data"' in form
    names = set(re.findall(r'name="(\w+)"', form))
    assert names == {"file", "model"}
    fields = {"file": (BytesIO(film), "film.png"), "model": re.search(r'value="(\w+)" selected', form)[1]}
    answer = client.post(re.search(r'action="([^"]+)"', form)[1], data=fields)
    assert answer.status_code == 201 and answer.mimetype == "application/json"
