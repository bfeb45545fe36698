"""The models as programs are told of them."""

from pathlib import Path

import pytest

from tests.web.api.program import LOCAL, MINE, assert_problem
from web.api import answers
from xray.networks import metadata


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
    measured = facts.metrics["test"]["covid"]["all"]
    assert (found["films"], found["patients"]) == (measured["n"], measured["patients"])
    assert found["roc_auc"] == measured["roc_auc"] and 0.5 < found["roc_auc"]["value"] < 1
    assert found["confounding"] == facts.metrics["confounding"]


def test_health_names_the_versions_and_asks_for_no_token(make_client):
    answer = make_client(API_TOKENS=MINE, PASSWORD="a password").get("/api/v1/health")
    assert answer.json == {"status": "ok", "models": {"covid_normal": "1.2.3", "covid_pneumo": "1.2.3"}}
