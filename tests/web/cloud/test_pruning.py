"""Old analyses of several instances are deleted with their images, and no visitor waits for it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event
from threading import enumerate as threads

import pytest

from tests.web.cloud.programs import until
from web.analyses.folders import Bucket
from web.analyses.records import PRUNED_AT_ONCE
from web.services import services

# More than one step takes.
OLD = PRUNED_AT_ONCE + 5


@pytest.fixture
def make_instance(make_app, cloud, new_database):
    """Make one of several instances."""
    made = []

    def make():
        made.append(make_app(STORE=cloud.address, DATABASE_URL=new_database))
        [each.join() for each in threads() if each.name == "sweep"]
        return made[-1]

    yield make
    [each.join() for each in threads() if each.name == "sweep"]
    for app in made:
        service_of(app).records.engine.dispose()


def service_of(app):
    with app.app_context():
        return services().analyses


@pytest.fixture
def old(make_record):
    """File analyses with a picture each that are too old to be kept."""

    def file(service, number: int) -> None:
        for seconds in range(number):
            record = make_record(owner="somebody", created=datetime.now(UTC) - timedelta(days=31, seconds=seconds))
            service.records.add(record)
            service.pictures.save(record.id, {"film.jpg": b"film"})

    return file


def test_a_visitor_waits_for_no_old_analysis_and_all_are_gone_soon(make_instance, old, cloud, send, monkeypatch):
    app, pages_came, remove = make_instance(), Event(), Bucket.remove
    service, client = service_of(app), app.test_client()
    old(service, OLD)
    monkeypatch.setattr(Bucket, "remove", lambda *args: (pages_came.wait(60), remove(*args)))
    # As a server does: tests run where there may be no threads.
    with ThreadPoolExecutor(1) as server:
        assert server.submit(client.get, "/analyses/").result().status_code == 200
        assert server.submit(send, client).result().status_code == 200
        assert not pages_came.is_set() and len(service.records.filed("somebody")) == OLD
        assert len([each for each in threads() if each.name == "sweep"]) == 1, "they do not crowd each other"
        pages_came.set()
    until(lambda: not service.records.filed("somebody"))
    [each.join() for each in threads() if each.name == "sweep"]
    assert len(cloud.keys()) == 7, "what was sent today is still there, and nothing else"


def test_instances_share_the_work_and_do_not_wait_for_each_other(make_instance, old, cloud):
    one, other = (service_of(make_instance()) for _ in range(2))
    old(one, 3)
    first = next(iter(one.records.filed("somebody")))
    with one.records.removing([first], unless_others_do=True) as ours:
        assert ours == [first]
        other.prune(datetime.now(UTC))
        # A sweep of its own may be at the two that nobody else is at.
        until(lambda: other.records.filed("somebody").keys() == {first})
    assert one.records.filed("somebody") == {}
