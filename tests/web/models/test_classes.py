"""The pages of models of several classes: every figure is that of metadata.json."""

import re
from dataclasses import replace
from html import unescape

import pytest
from msgspec import structs

from web.render.models import class_tables
from xray.networks import metadata
from xray.registry import MODEL_DIR


def facts(name: str) -> metadata.HeadFacts:
    return metadata.load(MODEL_DIR / name / "metadata.json")


@pytest.fixture
def page(make_client, make_registry):
    """Read the page of an artefact as words in one line."""

    def read(found: metadata.HeadFacts) -> str:
        answer = make_client(replace(make_registry(), artefacts={found.name: found})).get(f"/models/{found.name}")
        assert answer.status_code == 200
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())

    return read


def figure(record: dict[str, float]) -> str:
    return f"{record['value']:.3f} [{record['low']:.3f}–{record['high']:.3f}]"


def test_model_3_shows_each_class_who_was_called_what_and_what_lungless_films_give(page) -> None:
    found = facts("three_classes")
    text, test = page(found), found.metrics["test"]["all"]
    assert f"mean of the classes {figure(test['macro']['roc_auc'])}" in text
    for row in test["classes"].values():
        assert " ".join(figure(row[key]) for key in ("roc_auc", "sensitivity", "specificity")) in text
    for row in (*found.metrics["baselines"].values(), *found.metrics["left_out"].values()):
        if row["macro"]["roc_auc"]:
            assert figure(row["macro"]["roc_auc"]) in text
    for counts in zip(*test["verdicts"], strict=True):
        assert " ".join(map(str, counts)) in text
    assert "python -m training head training/configs/three_classes.toml" in text


def test_findings_show_each_label_beside_lungless_films_and_another_hospital(page) -> None:
    found = facts("findings")
    text = page(found)
    for label, row in found.metrics["labels"].items():
        assert figure(row["test"]["all"]["roc_auc"]) in text, label
        for part in (*row["baselines"].values(), *row["left_out"].values(), *row["inside"].values()):
            if part["roc_auc"]:
                assert figure(part["roc_auc"]) in text
    assert "python -m training head training/configs/findings.toml" in text


@pytest.mark.parametrize("name", ["three_classes", "findings"])
def test_what_was_not_measured_is_not_shown(page, name: str) -> None:
    text = page(structs.replace(facts(name), metrics={}, training={}, parity={}))
    assert "Its metadata holds no figures." in text and "Its metadata does not say." in text
    assert "[" not in text


def test_the_worst_hospital_is_named_among_the_failures(make_app) -> None:
    found = facts("three_classes")
    with make_app().test_request_context():
        sentences = class_tables.failures(found)
    assert any("When nih was left out of the training" in sentence for sentence in sentences)
