"""What machines ask an instance."""

import pytest


def figures(client) -> dict[str, float]:
    """Read /metrics as Prometheus does."""
    lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_health_tells_which_models_serve(client):
    answer = client.get("/healthz")
    assert answer.get_json() == {"status": "ok", "models": {"covid_normal": "1.2.3", "covid_pneumo": "1.2.3"}}
    assert answer.headers["Cache-Control"] == "no-store"


def test_without_its_database_an_instance_lives_but_is_not_ready(client, tmp_path):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ready", "missing": []})
    for file in tmp_path.rglob("analyses.sqlite3*"):
        file.write_bytes(b"no database at all" * 100)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["missing"]) == (503, ["database"])
    assert client.get("/healthz").status_code == 200


def test_an_instance_that_cannot_write_is_not_ready(make_client, tmp_path):
    blocked = tmp_path / "a file"
    blocked.write_text("in the way of a folder")
    client = make_client(ANALYSIS_DIR=str(blocked / "copies"))
    assert client.get("/readyz").get_json()["missing"] == ["annotated copies"]


def test_requests_stages_verdicts_and_refusals_are_counted_where_that_is_asked_for(make_app, send):
    assert make_app().test_client().get("/metrics").status_code == 404
    client = make_app(METRICS=True).test_client()
    send(client, model="both")
    send(client, b"no film", "secret-name.png")
    found = figures(client)
    assert found['xray_verdicts_total{model="covid_normal",verdict="POSITIVE"}'] == 1
    assert found['xray_verdicts_total{model="covid_pneumo",verdict="NEGATIVE"}'] == 1
    assert found['xray_refusals_total{reason="UnreadableImage"}'] == 1
    assert found['xray_request_seconds_count{endpoint="result.query",status="200"}'] == 1
    assert found["xray_films_in_hand"] == 0
    for stage in ("decode", "lungs", "backbone", "heads", "draw", "keep"):
        assert found[f'xray_stage_seconds_count{{stage="{stage}"}}'] == 1
    assert found["process_resident_memory_bytes"] > 1e6
    assert "secret-name" not in client.get("/metrics").text


@pytest.mark.parametrize("host", ["localhost:5000", "10.0.0.7:5000", "[::1]:5000"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_ask_by_whatever_address_they_know_though_the_site_s_names_are_listed(make_app, path, host):
    client = make_app(METRICS=True, TRUSTED_HOSTS=["films.example"]).test_client()
    assert client.get(path, headers={"Host": host}).status_code == 200
    assert client.get(path, headers={"Host": "films.example"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/about", "/healthz/x", "//healthz", "/healthz//", "/static/css/style.css"])
def test_nothing_else_is_answered_under_a_stranger_s_name(make_app, path):
    client = make_app(TRUSTED_HOSTS=["films.example"]).test_client()
    answer = client.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 400 and "evil" not in answer.text + str(answer.headers)
