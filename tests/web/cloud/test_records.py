"""The table of analyses, in SQLite and in PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest

from web.analyses.records import Record, Records

NOW = datetime.now(UTC)


@pytest.fixture
def records(url):
    found = Records.open(url, keep_days=30)
    yield found
    found.engine.dispose()


@pytest.fixture
def file(records, make_record):
    """File an analysis that is some days old; return it."""

    def add(owner: str = "me", days: float = 0, **values: object) -> Record:
        record = make_record(owner=owner, created=NOW - timedelta(days=days), **values)
        records.add(record)
        return record

    return add


def test_an_analysis_is_found_again_by_its_owner_alone(records, file):
    mine, name = file(), "фото 肺部 'x' \U0001fac1.png"
    odd = file(name=name)
    assert records.get(mine.id, "me") == mine
    assert records.get(odd.id, "me").name == name
    assert records.get(mine.id, "you") is None
    assert records.get(mine.id, "ME") is None
    assert records.get("A" * 22, "me") is None


def test_a_list_holds_its_owners_newest_first_a_page_at_a_time(records, file):
    mine = [file(days=days) for days in (2, 0, 1)]
    file("you")
    newest_first = [mine[1], mine[2], mine[0]]
    assert records.of("me") == list(records.each("me")) == newest_first
    assert records.of("me", limit=2) == newest_first[:2]
    assert records.of("me", limit=2, offset=2) == newest_first[2:]
    assert records.count("me") == 3 and records.count("you") == 1 and records.count("nobody") == 0


def test_what_is_too_old_is_not_shown_though_it_waits_to_be_taken_away(records, file):
    old, young = file(days=30.1), file(days=29.9)
    assert records.get(old.id, "me") is None
    assert records.of("me") == [young] and records.count("me") == 1
    assert records.filed("me").keys() == {old.id, young.id}


def test_of_too_many_those_expire_that_whoever_has_most_made_first(records, file):
    others = file("other", days=9)
    mine = [file(days=days) for days in (3, 2, 1)]
    assert records.expired(NOW, count=4) == {}
    assert records.expired(NOW, count=3) == {mine[0].id: mine[0].copies}
    assert records.expired(NOW, count=2).keys() == {mine[0].id, mine[1].id}
    assert others.id not in records.expired(NOW, count=2)


def test_what_fails_while_it_is_removed_stays(records, file):
    record = file()
    with pytest.raises(ZeroDivisionError), records.removing([record.id]):
        _ = 1 / 0
    assert records.get(record.id, "me") == record
    for _ in range(2):
        with records.removing([record.id]):
            pass
    assert records.get(record.id, "me") is None
