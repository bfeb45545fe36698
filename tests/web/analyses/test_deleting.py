"""Analyses are deleted: one, all, and nobody else’s."""


def test_one_is_deleted_with_its_pictures_and_the_list_says_so(client, send, listed, copies, instance):
    send(client, name="first.png", model="covid_normal")
    send(client, name="second.png", model="covid_normal")
    (second, first), _ = listed(client)
    for _ in "pressed twice":
        answer = client.post(f"/analyses/{first}/delete", data={"page": "1"})
        assert (answer.status_code, answer.location) == (303, "/analyses/")
    ids, text = listed(client)
    assert ids == [second] and "first.png was deleted." in text
    assert "was deleted" not in listed(client)[1], "said once"
    assert client.get(f"/analyses/{first}").status_code == 404
    assert [path.name for path in (instance / "analyses").iterdir()] == [second]
    assert len(list(copies.iterdir())) == 1


def test_all_are_deleted_and_nobody_elses(make_app, send, listed, copies, instance, monkeypatch):
    monkeypatch.setattr("web.analyses.service.REMOVED_AT_ONCE", 1)
    app = make_app()
    mine, other = app.test_client(), app.test_client()
    for client in (mine, mine, other):
        send(client, model="covid_normal")
    assert mine.post("/analyses/delete").status_code == 303
    ids, text = listed(mine)
    assert ids == [] and "2 analyses were deleted." in text
    (kept,), _ = listed(other)
    assert [path.name for path in (instance / "analyses").iterdir()] == [kept]
    assert len(list(copies.iterdir())) == 1


def test_without_its_token_nothing_is_deleted_and_the_list_says_why(make_client, send, file, listed):
    client = make_client(WTF_CSRF_ENABLED=True)
    (id,) = file(client)
    for path in (f"/analyses/{id}/delete", "/analyses/delete"):
        assert client.get(path).status_code in (404, 405)
        assert client.post(path).location == "/analyses/"
        ids, text = listed(client)
        assert ids == [id] and "nothing was deleted" in text
