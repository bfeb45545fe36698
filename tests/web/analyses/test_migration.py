"""Analyses of the first edition, converted when the application opens their database."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from web.analyses.records import Records

FIRST_EDITION = json.loads((Path(__file__).parent / "first_edition.json").read_text(encoding="utf-8"))
TABLE = """create table analyses (id varchar(32) not null primary key, owner varchar(64) not null,
    created_ms bigint not null, content text not null)"""


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/instance/analyses.sqlite3"


@pytest.fixture
def write(url, tmp_path):
    """Write a database as the first edition did, before it kept versions."""

    def fill(*contents: str, owner: str = "me") -> list[str]:
        (tmp_path / "instance").mkdir(exist_ok=True)
        engine = create_engine(url)
        now = round(datetime.now(UTC).timestamp() * 1000)
        rows = [
            {"id": f"{number:022}", "owner": owner, "created_ms": now, "content": content}
            for number, content in enumerate(contents)
        ]
        with engine.begin() as connection:
            connection.execute(text(TABLE))
            connection.execute(text("insert into analyses values (:id, :owner, :created_ms, :content)"), rows)
        engine.dispose()
        return [row["id"] for row in rows]

    return fill


def test_the_results_of_all_four_models_are_read_in_the_one_form(write, url):
    (id,) = write(json.dumps(FIRST_EDITION))
    record = Records.open(url, keep_days=30).get(id, "me")
    assert record and record.combined and record.verdict == FIRST_EDITION["combined"]["verdict"]
    pair, _, three, findings = record.results
    for result, said in zip(record.results, FIRST_EDITION["said"], strict=True):
        for name in ("model", "version", "verdict", "score", "score_text", "threshold", "positive", "negative", "copy"):
            assert getattr(result, name) == said[name], (result.model, name)
        if not said["classes"]:
            assert (result.negative_below, result.positive_from) == (said["low"], said["high"])
        assert [(each.label, each.score, each.verdict) for each in result.listed] == [
            (each["label"], each["score"], each["verdict"]) for each in said["classes"]
        ]
    assert pair.exclusive and {each.label: each.score for each in pair.labels} == {"covid": 0.5742, "normal": 0.4258}
    assert three.exclusive and not findings.exclusive
    plausible = [each["label"] for each in FIRST_EDITION["said"][2]["classes"] if each["score"] >= each["threshold"]]
    assert [each.label for each in three.listed if each.plausible] == plausible


def test_rows_from_before_models_of_several_labels_and_damaged_rows_do_no_harm(write, url):
    early = FIRST_EDITION | {"said": [
        {name: value for name, value in said.items() if name not in ("kind", "classes")}
        for said in FIRST_EDITION["said"][:2]
    ]}  # fmt: skip
    ids = write("{", '{"said": [null]}', *[json.dumps(early)] * 300)
    records = Records.open(url, keep_days=30)
    assert len(records.of("me")) == 300 and records.get(ids[0], "me") is None
    assert [result.verdict for result in records.of("me")[0].results] == [said["verdict"] for said in early["said"]]


def test_an_analysis_of_the_first_edition_opens_with_its_annotated_copy(write, make_client, copies):
    (id,) = write(json.dumps(FIRST_EDITION), owner="somebody")
    copies.mkdir()
    for said in FIRST_EDITION["said"]:
        (copies / said["copy"]).write_bytes(b"an annotated copy")
    client = make_client()
    with client.session_transaction() as visitor:
        visitor["visitor"] = "somebody"
    page = client.get(f"/analyses/{id}")
    assert page.status_code == 200
    for said in FIRST_EDITION["said"]:
        with client.get(f"/analyses/{id}/annotated-{said['model']}.png") as copy:
            assert said["copy"] in page.text and copy.data == b"an annotated copy"
    assert client.get(f"/analyses/{id}.pdf").data.startswith(b"%PDF")
