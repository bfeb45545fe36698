"""Analyses side by side, and the curves of their opacity."""

import re
from urllib.parse import urlencode

import pytest

from xray.opacity import Measures


def measured(right, left, extent):
    return Measures(
        version="1.0.0", threshold=0.24, opacity_right_percent=right, opacity_left_percent=left, extent_score=extent,
        extent_error=0.9, bilateral=None, peripheral=None, lower=None,
    )  # fmt: skip


@pytest.fixture
def three(client, file):
    """Three radiographs, the last day first."""
    values = ((80.0, 60.0, 6.0), (40.0, None, 3.0), (10.0, 0.0, 1.0))
    return [file(client, name=f"day {5 - n}.png", opacity=measured(*each))[0] for n, each in enumerate(values)]


def compared(client, *asked):
    pairs = [pair for id, day in asked for pair in (("id", id), ("day", day))]
    return client.get(f"/analyses/compare?{urlencode(pairs)}").text


def names(page):
    return re.findall(r">(day \d)\.png<", page)


def test_radiographs_stand_in_the_order_of_their_analyses_or_of_days_given_for_all(client, three):
    last, middle, first = three
    assert len(names(compared(client, (first, ""), (last, ""), (middle, "")))) == 3
    days = (last, "2020-03-20"), (first, "2020-03-01"), (middle, "2020-03-11")
    page = compared(client, *days)
    assert names(page) == ["day 3", "day 4", "day 5"]
    assert "Days since the first radiograph" in page and re.findall(r'text-anchor="middle">(\d+)<', page)[:3] == [
        "0",
        "10",
        "19",
    ]
    undated = compared(client, *days[:2], (middle, "soon"))
    assert "Days since" not in undated
    assert "curve line-0" in page and "curve line-0" not in undated, "without days nobody says that it is one course"


def test_the_curves_hold_what_was_measured_and_leave_out_what_was_not(client, three):
    page = compared(
        client, *((id, day) for id, day in zip(three, ("2020-03-03", "2020-03-02", "2020-03-01"), strict=True))
    )
    descriptions = re.findall(r"<desc[^>]*>([^<]+)", page)
    assert descriptions == [
        "Radiograph 1, 10%, 0%; Radiograph 2, 40%, –; Radiograph 3, 80%, 60%",
        "Radiograph 1, 1.0; Radiograph 2, 3.0; Radiograph 3, 6.0",
    ]


def test_nobody_compares_what_is_not_theirs(client, make_client, three, file):
    other = client.application.test_client()
    (own,) = file(other)
    for asked in ([], [own], [own, *three], [own, own]):
        answer = other.get(f"/analyses/compare?{urlencode([('id', id) for id in asked])}")
        assert answer.status_code == 303
    assert "Choose two or more" in other.get("/analyses/").text
