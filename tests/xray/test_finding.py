"""The finding: what models 1 and 2 say together, each alone, and heads of other labels."""

from dataclasses import replace

import pytest

from tests.xray.predictions import pair, point
from xray.finding import finding_of, found_by, tone
from xray.networks.heads import LabelScore, Verdict
from xray.prediction import Prediction

SCORES = {"P": 0.9, "I": 0.5, "N": 0.1}


def said(model: str, verdict: str) -> Prediction:
    return pair(SCORES[verdict], point(0.4, 0.6), model=model)


@pytest.mark.parametrize(
    ("first", "second", "finding"),
    [
        ("N", "N", "normal"), ("N", "I", "normal"), ("N", "P", "normal"),
        ("I", "N", "undecided"), ("I", "I", "undecided"), ("I", "P", "undecided"),
        ("P", "N", "other-pneumonia"), ("P", "I", "undecided"), ("P", "P", "covid-19"),
    ],
)  # fmt: skip
def test_model_1_tells_normal_and_model_2_which_pneumonia(first: str, second: str, finding: str) -> None:
    both = said("covid_normal", first), said("covid_pneumo", second)
    assert finding_of(both) == finding_of(both[::-1]) == finding
    assert finding_of((said("apple", "P"), *both)) == finding, "others do not take part"


@pytest.mark.parametrize(
    ("model", "findings"),
    [
        ("covid_normal", ("abnormal", "undecided", "normal")),
        ("covid_pneumo", ("covid-19", "undecided", "other-pneumonia")),
        ("apple", ("covid-19", "undecided", "normal")),
    ],
)
def test_a_model_alone_finds_what_it_can_tell(model: str, findings: tuple[str, ...]) -> None:
    assert tuple(finding_of([said(model, verdict)]) for verdict in "PIN") == findings


def test_labels_go_through_as_they_are_and_several_findings_have_no_single_word() -> None:
    labels = [
        LabelScore(name, 0.9, 0.5, 0.4, 0.6, verdict)
        for name, verdict in (("ripe", Verdict.POSITIVE), ("covid", Verdict.POSITIVE), ("rotten", Verdict.NEGATIVE))
    ]
    fruit = replace(said("apple", "P"), positive="ripe", labels=tuple(labels[::2]))
    assert finding_of([fruit]) == "ripe" and found_by([fruit]) == ("ripe",)
    several = replace(fruit, labels=tuple(labels), exclusive=False)
    assert finding_of([several]) is None and found_by([several]) == ("ripe", "covid-19")


@pytest.mark.parametrize(
    ("model", "verdict", "expected"),
    [("covid_normal", "N", "NEGATIVE"), ("covid_pneumo", "N", "POSITIVE"), ("covid_pneumo", "I", "INCONCLUSIVE")],
)
def test_ill_lungs_have_the_colour_of_positive(model: str, verdict: str, expected: str) -> None:
    assert tone([said(model, verdict)]) == expected


def test_a_users_own_words_are_the_finding_as_they_are() -> None:
    own = replace(pair(0.9, point(0.4, 0.6), model="mine"), is_own=True)
    assert finding_of((own,)) == "covid" and own.headline == "Looks like: covid"
    without = replace(own, labels=tuple(replace(each, negative_below=0.0, positive_from=1.0) for each in own.labels))
    assert without.headline == "No verdict" and "from" not in without.arithmetic, "nobody chose an edge"
