"""The programs' interface: what a program would miss if it broke."""

import errno
import os
import re
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from sqlalchemy.exc import OperationalError
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from web.api import answers, examples, problems
from web.settings import SettingError
from xray import metadata
from xray.errors import ImageError

ANALYSES = "/api/v1/analyses"
DISCLAIMER = "For education and research only, not for diagnosis."
MINE, THEIRS = "a-token-that-is-mine", "a-token-that-is-theirs"
LOCAL = "http://localhost"


def bearer(token):
    return {"headers": {"Authorization": f"Bearer {token}"}}


@pytest.fixture
def create(film):
    """Send a film as a program does; further keywords go to the request."""

    def post(client, data=None, name="film.png", model="both", fields=(), **more):
        file = FileStorage(BytesIO(film if data is None else data), name)
        boundary, body = encode_multipart({"file": file, "model": model, **dict(fields)})
        return client.post(ANALYSES, data=body, content_type=f"multipart/form-data; boundary={boundary}", **more)

    return post


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


# ── An analysis ──


def test_a_film_is_read_by_both_models_and_answered_in_full(client, create):
    answer = create(client, name="films/thorax é.png")
    assert answer.status_code == 201
    found = answer.json
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", found["id"])
    assert found["url"] == answer.headers["Location"] == f"{LOCAL}{ANALYSES}/{found['id']}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", found["created"])
    assert (found["file"], found["width"], found["height"], found["model"]) == ("thorax é.png", 240, 200, "both")
    first, second = found["verdicts"]
    assert (first["model"], first["version"], first["verdict"]) == ("covid_normal", "1.2.3", "POSITIVE")
    assert (first["score"], first["threshold"], first["band"]) == (0.97, 0.5, {"low": 0.4, "high": 0.6})
    assert first["classes"] == {"positive": "covid", "negative": "normal"} and first["explained"] == "covid"
    assert 0 < first["heat_in_lungs"] < 1 and 0 < first["heat_in_lungs_if_even"] < 1
    assert first["card"] == f"{LOCAL}/models/covid_normal"
    assert (second["verdict"], second["score"], second["explained"]) == ("NEGATIVE", 0.12, "pneumonia")
    assert found["combined"] == {"verdict": "NEGATIVE", "score": 0.12, "threshold": 0.5}
    assert found["cautions"] == [] and found["disclaimer"] == DISCLAIMER


def test_one_model_answers_alone(client, create):
    found = create(client, model="covid_pneumo").json
    assert [each["model"] for each in found["verdicts"]] == ["covid_pneumo"]
    assert found["combined"] is None
    assert list(found["pictures"]) == ["film.jpg", "mask.png", "heat-covid_pneumo.png", "annotated-covid_pneumo.png"]


def test_a_film_is_turned_as_asked(client, create):
    found = create(client, fields={"turn": "270"}).json
    assert (found["turn"], found["width"], found["height"]) == (270, 200, 240)
    assert create(client).json["turn"] == 0
    assert create(client, fields={"turn": "45"}).status_code == 400


def test_cautions_come_with_their_words(make_client, make_registry, create):
    found = create(make_client(make_registry(said=("child",)))).json
    assert found["cautions"][0]["name"] == "child"
    assert "child's film" in found["cautions"][0]["words"]


def test_the_pictures_are_at_the_addresses_that_the_analysis_gives(client, create):
    found = create(client).json
    kinds = {name: decoded(client, address) for name, address in found["pictures"].items()}
    assert kinds["film.jpg"][0] == "image/jpeg" and kinds["mask.png"][0] == "image/png"
    assert kinds["mask.png"][1].shape == (200, 240) and set(np.unique(kinds["mask.png"][1])) == {0, 255}
    for name in ("film.jpg", "heat-covid_normal.png"):
        height, width = kinds[name][1].shape[:2]
        assert height / width == pytest.approx(200 / 240, abs=0.01)
    assert kinds["heat-covid_normal.png"][1].shape[2] == 4, "to be laid over the film"
    assert found["verdicts"][1]["annotated"] == found["pictures"]["annotated-covid_pneumo.png"]
    assert kinds["annotated-covid_pneumo.png"][1].shape[1] > 240


def test_an_analysis_can_be_read_again_and_deleted_with_all_its_pictures(client, create, copies, tmp_path):
    made = create(client).json
    assert client.get(f"{ANALYSES}/{made['id']}").json == made
    answer = client.delete(f"{ANALYSES}/{made['id']}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert list(copies.iterdir()) == [] and list((tmp_path / "instance" / "analyses").iterdir()) == []
    for path in ("", "/pictures/film.jpg", "/pictures/annotated-covid_normal.png"):
        assert_problem(client.get(f"{ANALYSES}/{made['id']}{path}"), 404)
    assert_problem(client.delete(f"{ANALYSES}/{made['id']}"), 404)


@pytest.mark.parametrize("name", ["thumb.jpg", "heat-other.png", "annotated-other.png", "film.png", "..%2Ffilm.jpg"])
def test_an_analysis_has_no_other_pictures(client, create, name):
    assert_problem(client.get(f"{ANALYSES}/{create(client).json['id']}/pictures/{name}"), 404)


def test_an_annotated_copy_that_the_host_lost_is_not_there(client, create, copies):
    found = create(client).json
    for copy in copies.iterdir():
        copy.unlink()
    assert_problem(client.get(found["verdicts"][0]["annotated"].removeprefix(LOCAL)), 404)
    assert client.get(found["url"].removeprefix(LOCAL)).status_code == 200


@pytest.mark.parametrize("id", ["A" * 22, "A" * 21, "%00" * 22, "é" * 22])
def test_an_unknown_id_is_not_there(client, id):
    assert_problem(client.get(f"{ANALYSES}/{id}"), 404)


# ── The models ──


def test_the_models_are_listed_and_read_one_by_one(client):
    listed = client.get("/api/v1/models").json
    assert [model["name"] for model in listed["models"]] == ["covid_normal", "covid_pneumo"]
    model = listed["models"][1]
    assert client.get(model["url"].removeprefix(LOCAL)).json == model
    assert (model["version"], model["licence"], model["threshold"]) == ("1.2.3", "MIT", 0.5)
    assert model["band"] == {"low": 0.4, "high": 0.6} and model["metrics"] is None
    assert model["classes"] == {"positive": "covid", "negative": "pneumonia"}
    assert client.get(model["card"].removeprefix(LOCAL)).status_code == 200
    assert_problem(client.get("/api/v1/models/resnet"), 404)


@pytest.mark.parametrize("name", ["covid_normal", "covid_pneumo"])
def test_the_figures_are_those_of_the_card(make_app, name):
    facts = metadata.load(Path(f"model/{name}/metadata.json"))
    with make_app().test_request_context():
        found = answers.model(facts)["metrics"]
    measured = facts.metrics["test"]["all"]
    assert (found["films"], found["patients"]) == (measured["n"], measured["patients"])
    assert found["roc_auc"] == measured["roc_auc"] and 0.5 < found["roc_auc"]["value"] < 1
    assert found["confounding"] == facts.metrics["confounding"]


def test_health_names_the_versions_and_asks_for_no_token(make_client):
    answer = make_client(API_TOKENS=MINE, PASSWORD="a password").get("/api/v1/health")
    assert answer.json == {"status": "ok", "models": {"covid_normal": "1.2.3", "covid_pneumo": "1.2.3"}}


# ── Whose it is ──


def test_an_analysis_belongs_to_the_token_that_made_it(make_client, create):
    client = make_client(API_TOKENS=f"{MINE}, {THEIRS}")
    made = create(client, **bearer(MINE)).json
    paths = [f"{ANALYSES}/{made['id']}", *(address.removeprefix(LOCAL) for address in made["pictures"].values())]
    for path in paths:
        assert client.get(path, **bearer(MINE)).status_code == 200
        assert_problem(client.get(path, **bearer(THEIRS)), 404)
        assert_problem(client.get(path), 401)
    assert_problem(client.delete(paths[0], **bearer(THEIRS)), 404)
    assert client.delete(paths[0], **bearer(MINE)).status_code == 204


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", f"Basic {MINE}", MINE, f"Bearer {MINE}x", f"Bearer {MINE},{THEIRS}", "é"]
)
def test_without_a_right_token_nothing_is_read_or_told(make_client, create, copies, header):
    client = make_client(API_TOKENS=f"{MINE},{THEIRS}")
    headers = {} if header is None else {"Authorization": header}
    for answer in (create(client, headers=headers), client.get("/api/v1/models", headers=headers)):
        assert_problem(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        tried = bool(re.match("Bearer .", header or ""))
        assert ("invalid_token" in answer.headers["WWW-Authenticate"]) is tried
    assert not copies.exists()


def test_the_scheme_may_be_written_in_any_case(make_client):
    client = make_client(API_TOKENS=MINE)
    assert client.get("/api/v1/models", headers={"Authorization": f"bearer {MINE}"}).status_code == 200


def test_a_password_does_not_leave_the_door_of_programs_open(make_client, create, copies):
    answer = create(make_client(PASSWORD="a password"))
    assert "XRAY_API_TOKENS" in assert_problem(answer, 401)["detail"]
    assert not copies.exists()


def test_with_a_password_programs_need_their_token_alone(make_client, create):
    client = make_client(PASSWORD="a password", API_TOKENS=MINE)
    made = create(client, **bearer(MINE))
    assert made.status_code == 201
    for address in made.json["pictures"].values():
        decoded(client, address, **bearer(MINE))


@pytest.mark.parametrize("tokens", ["short", f"{MINE},short", "sixteen letters and spaces", "ä" * 20])
def test_tokens_that_could_be_guessed_or_not_be_sent_stop_start_up(make_app, tokens):
    with pytest.raises(SettingError, match="XRAY_API_TOKENS") as raised:
        make_app(API_TOKENS=tokens)
    assert tokens.split(",")[-1] not in str(raised.value)


# ── No cookies ──


def test_a_browsers_cookie_opens_nothing_here_and_is_neither_read_nor_renewed(make_client, create, send):
    client = make_client(WTF_CSRF_ENABLED=False)
    page = send(client).text
    id = re.search(r"/analyses/([A-Za-z0-9_-]{22})/film\.jpg", page)[1]
    assert client.get(f"/analyses/{id}").status_code == 200 and client.get_cookie("xray_session")
    for answer in (client.get(f"{ANALYSES}/{id}"), create(client), client.get("/api/v1/nowhere")):
        assert "Set-Cookie" not in answer.headers and "Cookie" not in answer.headers.get("Vary", "")
    assert_problem(client.get(f"{ANALYSES}/{id}"), 404)
    assert client.get("/analyses/").text.count('class="thumb"') == 1


def test_the_check_for_forged_forms_asks_programs_for_nothing(make_client, create):
    client = make_client(WTF_CSRF_ENABLED=True)
    made = create(client, base_url="https://localhost")
    assert made.status_code == 201
    assert client.delete(f"{ANALYSES}/{made.json['id']}", base_url="https://localhost").status_code == 204


# ── Refusals ──


@pytest.mark.parametrize(
    ("data", "status", "kind", "words"),
    [
        (b"", 400, "unreadable-picture", "empty file"),
        (b"not a picture at all", 400, "unreadable-picture", "begins like none of them"),
        (b"GIF89a" + bytes(64), 415, "unsupported-picture", "received GIF"),
        (b"%PDF-1.7 " + bytes(64), 415, "unsupported-picture", "received PDF"),
    ],
)
def test_a_file_that_is_not_a_film_is_a_problem_of_its_own_kind(client, create, copies, data, status, kind, words):
    assert words in assert_problem(create(client, data), status, kind)["detail"]
    assert not copies.exists()


def test_a_truncated_film_is_refused(client, create, film):
    assert "truncated" in assert_problem(create(client, film[:-200]), 400, "unreadable-picture")["detail"]


def test_a_film_of_too_many_pixels_is_refused(client, create):
    vast = cv2.imencode(".png", np.zeros((5001, 5000), np.uint8))[1].tobytes()
    assert "million pixels" in assert_problem(create(client, vast), 413, "picture-too-large")["detail"]


def test_a_picture_without_lungs_is_refused_with_the_reason(make_client, make_registry, create, copies):
    nothing = lambda _: np.zeros((1, 128, 128, 1), np.float32)  # noqa: E731
    answer = create(make_client(make_registry(segmenter=nothing)))
    assert "frontal chest radiograph" in assert_problem(answer, 422, "not-a-chest-x-ray")["detail"]
    assert not copies.exists()


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ([], {"file", "model"}),
        ([("model", "both")], {"file"}),
        ([("file", (BytesIO(b"x"), "")), ("model", "both")], {"file"}),
        ([("file", "a picture without a file name"), ("model", "both")], {"file"}),
        ([("file", (BytesIO(b"x"), "film.png"))], {"model"}),
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
    assert not copies.exists()


def test_an_unknown_model_is_told_the_known_ones(client, create):
    assert "covid_normal, covid_pneumo, both" in create(client, model="resnet").json["detail"]


@pytest.mark.parametrize("media_type", ["application/json", "image/png", "application/x-www-form-urlencoded", None])
def test_another_media_type_is_refused(client, media_type):
    answer = client.post(ANALYSES, data=b"{}", content_type=media_type)
    assert "multipart/form-data" in assert_problem(answer, 415)["detail"]


def test_too_many_bytes_are_refused_with_the_limit(make_client, create):
    answer = create(make_client(MAX_CONTENT_LENGTH=2 * 1024 * 1024), bytes(3 * 1024 * 1024))
    assert "at most 2 MiB" in assert_problem(answer, 413)["detail"]


def test_a_film_sent_as_words_is_refused_with_the_way_out(client):
    answer = client.post(ANALYSES, data={"file": "x" * 400_000, "model": "both"}, content_type="multipart/form-data")
    assert "with a file name" in assert_problem(answer, 413)["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1", 404),
        ("GET", "/api/v2/analyses", 404),
        ("GET", "/api/v1/analyses/", 405),
        ("GET", "/api/v1/analyses", 405),
        ("DELETE", "/api/v1/analyses", 405),
        ("PUT", f"/api/v1/analyses/{'A' * 22}", 405),
        ("POST", "/api/v1/models", 405),
        ("TRACE", "/api/v1/health", 405),
    ],
)
def test_a_wrong_address_or_method_is_a_problem_not_a_page(client, method, path, status):
    answer = client.open(path, method=method)
    assert assert_problem(answer, status)["instance"] == path
    assert ("Allow" in answer.headers) is (status == 405)


def test_the_allow_header_names_what_the_address_answers_to(client):
    allowed = client.post(f"{ANALYSES}/{'A' * 22}").headers["Allow"]
    assert {"GET", "DELETE"} <= set(allowed.split(", ")) and "POST" not in allowed


def test_an_address_with_odd_letters_is_told_back_as_an_address(client):
    assert client.get("/api/v1/é <script>").json["instance"] == "/api/v1/%C3%A9%20%3Cscript%3E"


def test_a_bug_is_a_problem_without_its_inside(make_client, create, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("inside information")

    monkeypatch.setattr("web.analyses.desk.annotate", fail)
    answer = create(make_client(PROPAGATE_EXCEPTIONS=False))
    assert_problem(answer, 500)
    assert "inside information" not in answer.text


@pytest.mark.parametrize(("code", "status"), [(errno.ENOSPC, 507), (errno.EROFS, 500)])
def test_what_cannot_be_kept_is_a_problem_and_leaves_nothing(client, create, copies, monkeypatch, code, status):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "replace", fail)
    answer = create(client)
    assert_problem(answer, status, "not-kept")
    assert str(copies) not in answer.text and list(copies.iterdir()) == []


def test_a_database_out_of_reach_is_a_problem(client, create, monkeypatch):
    def fail(*_, **__):
        raise OperationalError("insert", {}, Exception("inside information"))

    id = create(client).json["id"]
    monkeypatch.setattr("sqlalchemy.engine.Connection.execute", fail)
    for answer in (create(client), client.get(f"{ANALYSES}/{id}"), client.delete(f"{ANALYSES}/{id}")):
        assert_problem(answer, 503, "not-kept")
        assert "inside information" not in answer.text and "Try again" in answer.json["detail"]


def test_a_stranger_host_name_is_a_problem_too(make_client):
    client = make_client(TRUSTED_HOSTS=["films.example"])
    assert_problem(client.get("/api/v1/health", base_url="http://evil.example"), 400)


@pytest.mark.parametrize("error", ImageError.__subclasses__())
def test_every_refusal_of_a_picture_has_a_kind_of_its_own(make_app, error):
    with make_app().test_request_context(ANALYSES):
        answer = problems.of_picture(error("Some words."))
    kind = next(kind for kind in problems.KINDS if answer.json["type"].endswith(f"#{kind.name}"))
    assert answer.status_code == error.status and error.status in kind.statuses
    assert answer.json["detail"] == "Some words."


# ── The document and its page ──


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
    assert request["properties"]["file"]["format"] == "binary" and set(request["required"]) == {"file", "model"}
    for words in ("5242880 bytes", "PNG, JPEG or DICOM", "25 million pixels", "64 pixels a side"):
        assert words in request["properties"]["file"]["description"] and words in document["info"]["description"]


@pytest.mark.parametrize(("settings", "asked"), [({}, False), ({"API_TOKENS": MINE}, True), ({"PASSWORD": "x"}, True)])
def test_the_document_and_the_page_say_whether_a_token_is_asked(make_client, settings, asked):
    client = make_client(**settings)
    document = client.get("/api/v1/openapi.json").json
    assert document.get("security") == ([{"token": []}] if asked else None)
    assert document["paths"]["/api/v1/health"]["get"]["security"] == []


def shape(value):
    """Reduce an answer to its members; of a list, to those of its first one."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items() if name != "pictures"}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


def test_the_examples_look_like_real_answers(make_client, make_registry, create):
    client = make_client(make_registry(said=("child",)))
    assert shape(create(client, model="covid_normal").json) == shape(examples.ANALYSIS)
    assert shape(client.get("/api/v1/health").json) == shape(examples.HEALTH)
    facts = metadata.load(Path("model/covid_normal/metadata.json"))
    with client.application.test_request_context():
        assert shape(answers.model(facts) | {"created": ""}) == shape(examples.MODEL)


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


def test_the_address_with_a_slash_leads_to_the_page(client):
    answer = client.get("/api/")
    assert answer.status_code == 301 and answer.headers["Location"] == "/api"
    assert "Set-Cookie" not in answer.headers
