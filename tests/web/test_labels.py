"""A model of several labels, as visitors and programs meet it."""

import csv
import io
import json
import re

import pytest
from werkzeug.datastructures import FileStorage

SURE, TORN = (0.8, 0.15, 0.05), (0.4, 0.35, 0.25)


@pytest.fixture
def visitor(make_client, make_registry):
    """Make a visitor of an application with three models; the third gives these scores."""
    return lambda scores=SURE: make_client(make_registry(three_classes=scores))


@pytest.fixture
def page_of(send):
    """Send the form; return the words of the page."""
    return lambda client, model="three_classes": " ".join(send(client, model=model).text.split())


@pytest.mark.parametrize(
    ("scores", "word", "sentence"),
    [
        ((0.05, 0.15, 0.8), "Looks like another pneumonia", "only other pneumonia is plausible"),
        (TORN, "Undecided", "Plausible are: COVID-19, normal, other pneumonia."),
    ],
)
def test_the_result_names_what_is_plausible_with_every_score(visitor, page_of, scores, word, sentence) -> None:
    page = page_of(visitor(scores))
    assert f'id="finding">{word}</p>' in page and sentence in page
    assert re.findall(r'class-score">([\d.]+)<', page) == [f"{score:.2f}" for score in scores]
    assert "Both models together" not in page


def test_both_stays_models_1_and_2_and_all_adds_the_third(visitor, page_of) -> None:
    both, every = (page_of(visitor(), choice) for choice in ("both", "all"))
    assert "Both models together" in both and "Model 3" not in both.split("<main", 1)[1]
    assert "Both models together" in every and 'id="three_classes"' in every


def test_everything_is_kept_and_can_be_taken_away(visitor, page_of) -> None:
    client = visitor()
    page = page_of(client)
    address = re.search(r'href="(/analyses/[^"]+)\.json"', page)[1]
    said = json.loads(client.get(f"{address}.json").text)["results"][0]
    assert [(each["label"], each["score"]) for each in said["labels"]] == [
        ("covid", 0.8), ("normal", 0.15), ("pneumonia", 0.05)
    ]  # fmt: skip
    assert "only COVID-19 is plausible" in " ".join(client.get(address).text.split())
    rows = list(csv.DictReader(io.StringIO(client.get("/analyses/analyses.csv").text.lstrip("\ufeff"))))
    assert [(row["model"], row["verdict"], row["score"]) for row in rows] == [
        ("three_classes:covid", "POSITIVE", "0.8000"),
        ("three_classes:normal", "NEGATIVE", "0.1500"),
        ("three_classes:pneumonia", "NEGATIVE", "0.0500"),
    ]
    assert client.get(f"{address}.pdf").data.startswith(b"%PDF")
    assert "COVID-19</strong>" in client.get("/analyses/").text


def test_a_batch_has_a_column_for_each_class(visitor, film) -> None:
    client = visitor()
    fields = {"function": "classify", "model": "three_classes"}
    row = client.post("/batch/one", data={**fields, "file": FileStorage(io.BytesIO(film), "film.png")}).json
    assert "<strong>Looks like COVID-19</strong>" in row["row"] and 'data-kinds="covid-19"' in row["row"]
    packed = json.dumps([[row["file"], row["id"], ""]])
    text = client.post("/batch/download", data={**fields, "rows": packed, "what": "csv"}).text.lstrip("\ufeff")
    found = next(csv.DictReader(io.StringIO(text)))
    assert (
        found["finding"] == "covid-19"
        and found["three_classes_called"] == "covid"
        and found["three_classes_normal_score"] == "0.1500"
    )


def test_programs_get_every_class(visitor, film) -> None:
    client = visitor()
    form = {"file": FileStorage(io.BytesIO(film), "film.png"), "model": "three_classes"}
    said = client.post("/api/v1/analyses", data=form).json["verdicts"][0]
    assert said["called"] == "covid" and said["classes"] == {"positive": "covid", "negative": "other"}
    assert [(each["label"], each["verdict"], each["score"]) for each in said["labels"]] == [
        ("covid", "POSITIVE", 0.8), ("normal", "NEGATIVE", 0.15), ("pneumonia", "NEGATIVE", 0.05)
    ]  # fmt: skip
    facts = client.get("/api/v1/models/three_classes").json
    assert facts["exclusive"] is True and len(facts["labels"]) == 3
    schema = client.get("/api/v1/openapi.json").json["components"]["schemas"]["AnalysisRequest"]
    assert schema["properties"]["model"]["enum"][-3:] == ["three_classes", "both", "all"]


@pytest.mark.parametrize("address", ["/models", "/models/three_classes", "/about", "/how", "/api", "/batch"])
def test_other_pages_know_it(visitor, address: str) -> None:
    answer = visitor().get(address)
    assert answer.status_code == 200
    assert "Model 3" in answer.text
