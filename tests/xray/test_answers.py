"""How often a finding was right: of the test radiographs, and at a prevalence."""

from types import SimpleNamespace

import pytest

from xray.answers import findings, of_both, of_head, worth

CALLED = [
    {"part": part, "source": source, "label": label, "called": called}
    for part, source, label, called in (
        ("test", "here", "covid", {"normal": 10, "covid": 30, "undecided": 0}),
        ("test", "there", "covid", {"normal": 10, "covid": 40, "undecided": 10}),
        ("test", "here", "normal", {"normal": 45, "covid": 5, "undecided": 0}),
        ("left_out", "here", "normal", {"normal": 0, "covid": 50, "undecided": 0}),
    )
]
AUDITED = [
    {"shown": shown, "source": "here", "got": {"covid_normal": got, "combined": {"normal": got["normal"]}}}
    for shown, got in (
        ("covid-19", {"normal": 1, "abnormal": 3}),
        ("other-pneumonia", {"normal": 2, "abnormal": 2}),
        ("normal", {"normal": 4}),
    )
]


def head(name: str = "covid_normal", **metrics: object) -> SimpleNamespace:
    return SimpleNamespace(
        name=name,
        labels=("normal", "covid"),
        exclusive=True,
        positive="covid",
        is_own=False,
        metrics={"called": CALLED, **metrics},
    )


def test_answers_are_counted_over_sources_by_what_the_film_shows() -> None:
    ill, normal = of_head(head())
    assert (ill.shown, ill.count, normal.shown, normal.count) == ("covid-19", 100, "normal", 50)
    assert (ill.share("abnormal"), ill.share("normal"), ill.share("undecided")) == (0.7, 0.2, 0.1)
    assert findings((ill, normal)) == ("normal", "abnormal", "undecided")
    assert of_head(head("mine"))[0].share("covid-19") == 0.7, "another model's label is its own"
    assert of_both(head()) == ()


def test_the_worth_of_an_answer_is_bayes_with_the_rest_in_equal_parts() -> None:
    groups = of_head(head(audit={"answers": AUDITED}))
    assert worth(groups, "abnormal", "covid-19", 0.2) == pytest.approx(
        {"covid-19": 0.15 / 0.35, "other-pneumonia": 0.2 / 0.35, "normal": 0}
    )
    assert worth(groups, "never given", "covid-19", 0.2) == {}
