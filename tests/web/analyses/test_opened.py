"""One analysis, opened again: its page, its pictures, its downloads, and who may see them."""

import pytest

DISCLAIMER = "Research and education only, not a diagnosis"


def test_pictures_are_in_no_cache_and_gone_once_deleted(client, send, listed):
    send(client)
    (id,), _ = listed(client)
    for name in ("film.jpg", "annotated-covid_normal.jpg"):
        with client.get(f"/analyses/{id}/{name}") as answer:
            assert answer.headers["Cache-Control"] == "no-store" and "Cookie" in answer.headers["Vary"]
    client.post(f"/analyses/{id}/delete")
    assert client.get(f"/analyses/{id}/film.jpg").status_code == 404


def test_as_json_all_is_told_but_whose_it_is(client, send, listed):
    send(client, name="scan 7.png")
    (id,), _ = listed(client)
    answer = client.get(f"/analyses/{id}.json")
    found = answer.get_json()
    assert found["name"] == "scan 7.png" and found["combined"]["verdict"] == "NEGATIVE"
    assert found["finding"] == "other-pneumonia" and [each["finding"] for each in found["results"]][0] == "abnormal"
    assert found["disclaimer"] == DISCLAIMER and "owner" not in found
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=scan_7-{id[:6]}.json"


def test_to_another_browser_there_is_nothing(make_app, send, listed):
    app = make_app()
    mine, other = app.test_client(), app.test_client()
    send(mine)
    (id,), _ = listed(mine)
    assert listed(other)[0] == []
    paths = [
        f"/analyses/{id}{end}"
        for end in ("", ".json", ".pdf", "/film.jpg", "/thumb.jpg", "/mask.png", "/annotated-covid_normal.jpg")
    ]
    for path in paths:
        assert other.get(path).status_code == app.test_client().get(path).status_code == 404
        with mine.get(path) as answer:
            assert answer.status_code == 200
    assert id not in other.get("/analyses/analyses.csv").text
    other.post(f"/analyses/{id}/delete")
    other.post("/analyses/delete")
    assert listed(mine)[0] == [id]


@pytest.mark.parametrize(
    "path",
    ["x", "x.json", "x.pdf", "x.csv", "%00", "%00.json", "delete", "..%2f..%2fsecret_key", "a" * 5000, "é", "' or 1"],
)
def test_what_is_no_address_of_an_analysis_is_not_there(client, send, path):
    send(client)
    assert client.get(f"/analyses/{path}").status_code == 404


@pytest.mark.parametrize("name", ["../../secret_key", "..%2fsecret_key", "film.png", "analyses.sqlite3", "%00", ".."])
def test_nothing_but_pictures_comes_out_of_an_analysis(client, send, listed, name):
    send(client)
    (id,), _ = listed(client)
    assert client.get(f"/analyses/{id}/{name}").status_code == 404
