"""Analyses made, read and deleted by programs."""

import re

import numpy as np
import pytest

from tests.web.api.program import ANALYSES, DISCLAIMER, LOCAL, assert_problem, decoded


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
