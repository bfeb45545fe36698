"""The opacity map as visitors and programs meet it, and that all goes on without one."""

import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from werkzeug.datastructures import FileStorage

from tests.web.api.program import decoded
from tests.web.batch.answers import fetched, inside, lines, picture
from tests.web.pages import text
from tests.web.sending import posted
from xray.opacity import COLUMNS

MEASURED = ["100.0", "100.0", "7.05"]


@pytest.fixture
def visitor(make_client, make_registry, make_opacity_map):
    """A visitor of an application whose map takes every place of the lungs for opaque to 88 %."""
    registry = make_registry(opacity=make_opacity_map())
    return make_client(replace(registry, artefacts={"opacity": registry.opacity.facts}))


def test_the_map_is_the_first_that_the_page_lays_over_the_film(visitor, send, film_of):
    page = send(visitor).text
    assert re.findall(r'class="heat" data-model="(\w+)"', page) == ["opacity", "covid_normal", "covid_pneumo"]
    assert re.findall(r'name="heat-of" value="(\w+)" (\w*)', page)[0] == ("opacity", "checked")
    said = text(page)
    for part in (
        "whitening of the lung as radiologists marked it",
        "Right lung 100%",
        "7.0 of 8 (± 0.9)",
        "from 50% on the map",
    ):
        assert part in said
    layer = film_of(visitor, page, "opacity.png")
    assert layer.shape[2] == 4 and 0.2 < (layer[..., 3] > 100).mean() < 0.35, "over the lungs and nowhere else"


def test_without_a_map_nothing_is_said_of_it(client, send):
    """As of an analysis that was stored before there were maps."""
    page = send(client).text
    assert "pacity" not in page and "opacity.png" not in page
    table = client.get("/analyses/analyses.csv").data.decode("utf-8-sig")
    assert all(row[name] == "" for row in csv.DictReader(io.StringIO(table)) for name in COLUMNS)


def test_it_is_kept_with_the_analysis(visitor, send):
    address = re.search(r"/analyses/[\w-]{22}", send(visitor).text)[0]
    assert "Right lung 100%" in text(visitor.get(address).text)
    assert json.loads(visitor.get(f"{address}.json").data)["opacity"]["extent_score"] == 7.05
    with_map = visitor.get(f"{address}.pdf").data.count(b"/Subtype /Image")
    assert with_map == 4
    rows = csv.DictReader(io.StringIO(visitor.get("/analyses/analyses.csv").data.decode("utf-8-sig")))
    assert [[row[name] for name in COLUMNS] for row in rows] == [MEASURED] * 3


def test_programs_get_its_measures_and_its_picture(visitor, film):
    form = {"file": FileStorage(io.BytesIO(film), "film.png"), "model": "both"}
    answer = posted(visitor, "/api/v1/analyses", form).json
    said = answer["opacity"]
    assert [str(said[name]) for name in COLUMNS] == MEASURED and said["bilateral"] == 1
    assert said["lower"] == pytest.approx(0.5, abs=0.05) and 0.2 < said["peripheral"] < 0.4
    kind, layer = decoded(visitor, answer["pictures"]["opacity.png"])
    assert kind == "image/png" and layer.shape[2] == 4


def test_a_batch_has_its_columns_last_and_its_maps_beside_the_copies(visitor, film):
    form = {"function": "classify", "model": "both", "file": FileStorage(io.BytesIO(film), "a.png")}
    told = posted(visitor, "/batch/one", form).json
    rows = json.dumps([["a.png", told["id"], ""], ["b.txt", "", "no film"]])
    table = fetched(visitor, rows, "csv")
    read, refused = lines(table)
    assert tuple(read)[-3:] == COLUMNS and [read[name] for name in COLUMNS] == MEASURED
    assert all(refused[name] == "" for name in COLUMNS)
    found = inside(fetched(visitor, rows, "copies"))
    shown = picture(found["opacity/Opacity_Name_a.jpg"])
    assert np.ptp(shown[:150].astype(int), axis=2).max() > 60, "coloured where it is opaque"
