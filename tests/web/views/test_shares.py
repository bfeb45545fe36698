"""Share links: what they show, to whom, until when, and what they never show."""

import re
import time

import pytest
from sqlalchemy import select

from web.analyses.database import shares
from web.security import guests
from web.services import services

DOOR = "/shared"
PICTURES = ("film.jpg", "heat-covid_normal.png", "heat-covid_pneumo.png", "opacity.png")


@pytest.fixture
def app(make_app, make_registry, make_opacity_map):
    return make_app(make_registry(opacity=make_opacity_map()))


@pytest.fixture
def owner(app):
    return app.test_client()


@pytest.fixture
def guest(app):
    return app.test_client()


@pytest.fixture
def analysed(send):
    """Analyse a film and return the address of its result."""

    def analyse(client, name="Jane Doe.png"):
        return re.search(r'data-address="(/analyses/[\w-]{22})"', send(client, name=name).text)[1]

    return analyse


def make_link(client, address, days="1"):
    answer = client.post(f"{address}/shares", data={"days": days})
    assert answer.status_code == 303
    return re.search(r'value="http://localhost(/shared#[\w-]{43})"', client.get(address).text)[1]


def follow(client, link):
    return client.post(DOOR, data={"link": link})


def withdrawal(client, address):
    return re.search(rf'action="({address}/shares/[0-9a-f]{{64}})"', client.get(address).text)[1]


def rows(app):
    with app.app_context(), services().shares.records.engine.connect() as connection:
        return connection.execute(select(shares)).all()


def test_a_link_shows_the_page_the_radiograph_and_the_maps_and_nothing_else(owner, guest, analysed):
    address = analysed(owner)
    answer = follow(guest, make_link(owner, address))
    assert answer.status_code == 303 and answer.location == address
    page = guest.get(address)
    assert page.status_code == 200 and "POSITIVE" in page.text
    for name in PICTURES:
        with guest.get(f"{address}/{name}") as picture:
            assert picture.status_code == 200 and name in page.text
            assert picture.headers["Cache-Control"] == "no-store"
            assert picture.headers["X-Robots-Tag"] == "noindex, nofollow"
            assert picture.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow" and page.headers["Referrer-Policy"] == "no-referrer"
    for hidden in ("Jane", ".json", ".pdf", "annotated-", "/delete", "/shares", "/how?"):
        assert hidden not in page.text
    for end in (".json", ".pdf", "/annotated-covid_normal.jpg"):
        assert guest.get(address + end).status_code == 404
    id = address.rpartition("/")[2]
    assert guest.get(f"/how?analysis={id}").status_code == 404
    assert id not in guest.get("/analyses/").text + guest.get("/analyses/analyses.csv").text


def test_the_owner_alone_makes_withdraws_and_deletes(owner, guest, analysed, app):
    address = analysed(owner)
    follow(guest, make_link(owner, address))
    ending = withdrawal(owner, address)
    assert guest.post(f"{address}/shares", data={"days": "1"}).status_code == guest.post(ending).status_code == 404
    guest.post(f"{address}/delete")
    assert guest.get(address).status_code == 200 and len(rows(app)) == 1
    assert owner.post(ending).status_code == 303
    assert guest.get(address).status_code == guest.get(f"{address}/film.jpg").status_code == 404


def test_the_token_is_shown_once_and_stored_nowhere(owner, analysed, app, tmp_path):
    address = analysed(owner)
    link = make_link(owner, address)
    token = link.partition("#")[2]
    assert token not in owner.get(address).text
    stored = b"".join(path.read_bytes() for path in (tmp_path / "instance").glob("analyses.sqlite3*"))
    assert rows(app)[0].hash.encode() in stored and token.encode() not in stored


@pytest.mark.parametrize("days", ["0", "8", "-1", "", "1.5", "x"])
def test_a_link_works_for_one_to_seven_days(owner, analysed, app, days):
    address = analysed(owner)
    assert owner.post(f"{address}/shares", data={"days": days}).status_code == 400
    assert rows(app) == []


@pytest.mark.parametrize("forged", ["", "x", "#", "a" * 43, "' or 1", "é", "a" * 5000])
def test_a_forged_link_opens_nothing(owner, guest, analysed, forged):
    make_link(owner, analysed(owner))
    answer = follow(guest, forged)
    assert answer.status_code == 404 and "This link shows nothing" in answer.text


def test_an_expired_link_opens_nothing_and_shows_nothing_more(owner, guest, analysed, app, monkeypatch):
    address = analysed(owner)
    link = make_link(owner, address)
    follow(guest, link)
    with app.app_context(), services().shares.records.engine.begin() as connection:
        connection.execute(shares.update().values(expires_ms=int(time.time() * 1000)))
    assert guest.get(address).status_code == guest.get(f"{address}/film.jpg").status_code == 404
    assert follow(guest, link).status_code == 404
    make_link(owner, address)
    assert len(rows(app)) == 1, "what has expired is deleted"


def test_a_look_is_short_and_the_link_opens_it_again(owner, guest, analysed, monkeypatch):
    address = analysed(owner)
    link = make_link(owner, address)
    follow(guest, link)
    real = time.time
    monkeypatch.setattr("web.security.guests.time.time", lambda: real() + guests.LOOK_S)
    assert guest.get(address).status_code == 404
    follow(guest, link)
    assert guest.get(address).status_code == 200


def test_another_analysis_stays_closed(owner, guest, analysed):
    first, second = analysed(owner), analysed(owner)
    follow(guest, make_link(owner, first))
    assert guest.get(second).status_code == guest.get(f"{second}/film.jpg").status_code == 404
    follow(guest, make_link(owner, second))
    assert guest.get(second).status_code == guest.get(first).status_code == 200, "two links, two windows"


def test_a_second_browser_needs_the_link_itself(app, owner, guest, analysed):
    address = analysed(owner)
    follow(guest, make_link(owner, address))
    answer = app.test_client().get(address)
    assert answer.status_code == 404 and "This analysis is private" in answer.text
    # The same for what never was: nobody learns which addresses hold an analysis.
    assert "This analysis is private" in guest.get(f"/analyses/{'a' * 22}").text


def test_deleting_an_analysis_deletes_its_links_in_the_same_transaction(owner, guest, analysed, app, monkeypatch):
    address = analysed(owner)
    link = make_link(owner, address)
    follow(guest, link)
    with monkeypatch.context() as broken:
        broken.setattr("web.analyses.storage.Pictures.remove", lambda *_: 1 / 0)
        assert owner.post(f"{address}/delete").status_code == 500
    assert len(rows(app)) == 1 and guest.get(address).status_code == 200
    owner.post(f"{address}/delete")
    assert rows(app) == [] and guest.get(address).status_code == follow(guest, link).status_code == 404


def test_links_are_tried_no_faster_than_passwords(owner, guest, analysed):
    link = make_link(owner, analysed(owner))
    statuses = [follow(guest, "a" * 43).status_code for _ in range(11)]
    assert statuses == [404] * 10 + [429]
    assert follow(guest, link).status_code == 429


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_form_needs_its_token(make_app, send, analysed, scheme):
    app = make_app(WTF_CSRF_ENABLED=True)
    client = app.test_client()
    client.get("/", base_url=f"{scheme}://localhost")
    page = client.get("/shared", base_url=f"{scheme}://localhost")
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow" and page.headers["Cache-Control"] == "no-store"
    assert "The page had expired" in client.post("/shared", base_url=f"{scheme}://localhost").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
    answer = client.post(
        DOOR, data={"link": "x", "csrf_token": token}, base_url=f"{scheme}://localhost",
        headers={"Referer": f"{scheme}://localhost/shared"},
    )  # fmt: skip
    assert answer.status_code == 404 and "This link shows nothing" in answer.text
    answer = client.post(f"/analyses/{'a' * 22}/shares", base_url=f"{scheme}://localhost")
    assert answer.location.endswith("#share"), "nothing was made"
