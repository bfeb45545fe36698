"""Analyses made, read and deleted by programs, and the models as they are told of them."""

import re

import numpy as np
import pytest

from tests.web.api.program import ANALYSES, DISCLAIMER, LOCAL, MINE, assert_problem, decoded


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
    assert (first["score"], first["negative_below"], first["positive_from"]) == (0.97, 0.4, 0.6)
    assert (found["finding"], first["finding"]) == ("other-pneumonia", "abnormal") and second["finding"] == found[
        "finding"
    ]
    assert first["classes"] == {"positive": "covid", "negative": "normal"} and first["explained"] == "covid"
    assert 0 < first["heat_in_lungs"] < 1 and 0 < first["heat_in_lungs_if_even"] < 1
    assert first["card"] == f"{LOCAL}/models/covid_normal"
    assert (second["verdict"], second["score"], second["explained"]) == ("NEGATIVE", 0.12, "pneumonia")
    assert found["combined"] == {"verdict": "NEGATIVE", "score": 0.12}
    assert found["cautions"] == [] and found["disclaimer"] == DISCLAIMER


def test_a_film_is_turned_as_asked(client, create):
    found = create(client, fields={"turn": "270"}).json
    assert (found["turn"], found["width"], found["height"]) == (270, 200, 240)
    assert create(client).json["turn"] == 0
    assert create(client, fields={"turn": "45"}).status_code == 400


def test_the_pictures_are_at_the_addresses_that_the_analysis_gives(client, create):
    found = create(client).json
    kinds = {name: decoded(client, address) for name, address in found["pictures"].items()}
    assert kinds["film.jpg"][0] == "image/jpeg" and kinds["mask.png"][0] == "image/png"
    assert kinds["mask.png"][1].shape == (200, 240) and set(np.unique(kinds["mask.png"][1])) == {0, 255}
    for name in ("film.jpg", "heat-covid_normal.png"):
        height, width = kinds[name][1].shape[:2]
        assert height / width == pytest.approx(200 / 240, abs=0.01)
    assert kinds["heat-covid_normal.png"][1].shape[2] == 4, "to be laid over the film"
    assert found["verdicts"][1]["annotated"] == found["pictures"]["annotated-covid_pneumo.jpg"]
    assert kinds["annotated-covid_pneumo.jpg"][1].shape[1] > 240


def test_an_analysis_can_be_read_again_and_deleted_with_all_its_pictures(client, create, copies, tmp_path):
    made = create(client).json
    assert client.get(f"{ANALYSES}/{made['id']}").json == made
    answer = client.delete(f"{ANALYSES}/{made['id']}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert list(copies.iterdir()) == [] and list((tmp_path / "instance" / "analyses").iterdir()) == []
    for path in ("", "/pictures/film.jpg", "/pictures/annotated-covid_normal.jpg"):
        assert_problem(client.get(f"{ANALYSES}/{made['id']}{path}"), 404)
    assert_problem(client.delete(f"{ANALYSES}/{made['id']}"), 404)


@pytest.mark.parametrize(
    "path",
    [f"{{id}}/pictures/{name}" for name in ("thumb.jpg", "heat-other.png", "annotated-other.jpg", "..%2Ffilm.jpg")]
    + ["A" * 22, "A" * 21, "%00" * 22, "é" * 22],
)
def test_no_other_pictures_and_no_other_analyses_are_there(client, create, path):
    assert_problem(client.get(f"{ANALYSES}/{path.format(id=create(client).json['id'])}"), 404)


def test_the_models_are_listed_and_read_one_by_one(client):
    listed = client.get("/api/v1/models").json
    assert [model["name"] for model in listed["models"]] == ["covid_normal", "covid_pneumo"]
    model = listed["models"][1]
    assert client.get(model["url"].removeprefix(LOCAL)).json == model
    assert (model["version"], model["licence"], model["threshold"]) == ("1.2.3", "MIT", 0.5)
    assert (model["negative_below"], model["positive_from"], model["metrics"]) == (0.4, 0.6, None)
    assert model["classes"] == {"positive": "covid", "negative": "pneumonia"}
    assert client.get(model["card"].removeprefix(LOCAL)).status_code == 200
    assert_problem(client.get("/api/v1/models/resnet"), 404)


def test_health_names_the_versions_and_asks_for_no_token(make_client):
    answer = make_client(API_TOKENS=MINE, PASSWORD="a password").get("/api/v1/health")
    assert answer.json == {"status": "ok", "models": {"covid_normal": "1.2.3", "covid_pneumo": "1.2.3"}}
