"""The models' pages: every figure is that of metadata.json, and what it lacks is left out, not invented."""

import json
import re
from dataclasses import replace

import pytest
from msgspec import structs

from tests.web.pages import text
from xray import head_figures
from xray.networks import metadata
from xray.registry import MODEL_DIR

HEADS = ("covid_normal", "covid_pneumo", "three_classes", "findings")


@pytest.fixture(scope="module")
def facts():
    """What the served artefacts say of themselves."""
    found = [metadata.load(path) for path in sorted(MODEL_DIR.glob("*/metadata.json"))]
    return {each.name: each for each in found}


@pytest.fixture
def visitor(make_client, make_registry, facts):
    """A visitor of the pages of the served artefacts; keywords replace some of them."""
    return lambda **changed: make_client(replace(make_registry(), artefacts=facts | changed))


def figure(record) -> str:
    """Write a figure as the pages do."""
    return "–" if record is None else f"{record['value']:.3f} [{record['low']:.3f}–{record['high']:.3f}]"


def drawing(page: str, id: str) -> str:
    """Return the words of one drawing of a page."""
    [found] = re.findall(rf'<svg(?:(?!</svg>).)*?<title id="{id}-title">.*?</svg>', page, re.DOTALL)
    return text(str(found))


@pytest.mark.parametrize("name", HEADS)
def test_the_list_and_the_page_show_a_head_beside_what_sees_no_lung(visitor, facts, name):
    head = facts[name]
    listed, page = (text(visitor().get(address).text) for address in ("/models", f"/models/{name}"))
    labels = head_figures.measured_labels(head)
    for label in labels[:1] if head.exclusive else labels:
        for part in head_figures.parts(head, label, "all", "baselines"):
            assert figure(part.figures["roc_auc"]) in listed
    for label in labels:
        for part in head_figures.parts(head, label, "all", "baselines", "inside", "left_out"):
            if part.figures["roc_auc"]:
                keys = ("roc_auc",) if part.kind == "inside" else ("roc_auc", "sensitivity", "specificity")
                three = " ".join(figure(part.figures[key]) for key in keys)
                assert three in page, (label, part.kind, part.name)


def test_several_exclusive_labels_show_which_was_called_of_which(visitor, facts):
    metrics, page = facts["three_classes"].metrics, visitor().get("/models/three_classes").text
    for id, key in (("confusion", "highest"), ("verdicts", "called")):
        for counts in zip(*metrics["confusion"][key], strict=True):
            assert all(f" {count} " in drawing(page, id) for count in counts)
    for label in ("covid", "normal", "pneumonia"):
        figures = metrics["test"][label]["all"]
        assert " ".join(figure(figures[key]) for key in ("roc_auc", "sensitivity", "specificity")) in text(page)
    assert "nih, by a head that learned nothing of it" in text(page)


def test_a_finding_without_an_operating_point_shows_no_edges(visitor, facts):
    known = facts["findings"]
    without = structs.replace(known, points=(metadata.NO_POINT, *known.points[1:]))
    page = text(visitor(findings=without).get("/models/findings").text)
    assert "abnormal – – –" in page and "1.0000" not in page


@pytest.mark.parametrize("lacking", ["curves", "audit", "baselines", "called", "interval"])
def test_what_the_metadata_lacks_is_left_out(visitor, facts, lacking):
    known = facts["covid_normal"]
    metrics = {key: value for key, value in known.metrics.items() if key != lacking}
    answer = visitor(covid_normal=structs.replace(known, metrics=metrics)).get("/models/covid_normal")
    assert answer.status_code == 200
    assert figure(metrics["test"]["covid"]["all"]["roc_auc"]) in text(answer.text)
    for id, needs in {"roc": "curves", "scores-val": "curves", "reliability": "audit"}.items():
        assert (f'id="{id}-title"' in answer.text) == (needs != lacking)


@pytest.mark.parametrize("name", HEADS)
def test_a_head_without_any_figures_says_so(visitor, facts, name):
    client = visitor(**{name: structs.replace(facts[name], metrics={}, training={}, parity={})})
    assert client.get("/models").status_code == 200
    words = text(client.get(f"/models/{name}").text)
    assert "Its metadata holds no figures." in words and "Its metadata does not say." in words
    assert "[" not in words


def test_the_contents_lead_to_every_section_and_the_words_to_their_meaning(visitor):
    page = visitor().get("/models/covid_normal").text
    ids = set(re.findall(r'\sid="([^"]+)"', page))
    listed = re.findall(r'<a href="#([^"]+)"', page[page.index('class="contents"') : page.index("<article")])
    assert set(listed) <= ids and set(re.findall(r'<h2 id="([^"]+)"', page)) == set(listed)


def test_the_record_is_the_metadata_itself(visitor):
    answer = visitor().get("/models/covid_normal.json")
    assert answer.json == json.loads((MODEL_DIR / "covid_normal" / "metadata.json").read_text(encoding="utf-8"))
    assert "covid_normal.json" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(
    "address", ["/models/nothing", "/models/nothing.json", "/models/..", "/models/covid_normal.txt"]
)
def test_what_is_not_served_has_no_page(client, address):
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("name", [*HEADS, "screen", "vgg16_cxr", "lung_unet"])
def test_every_artefact_has_an_entry_and_a_light_page_with_ids_of_its_own(visitor, facts, name):
    client = visitor()
    listed, page = client.get("/models").text, client.get(f"/models/{name}").text
    assert f'href="/models/{name}"' in listed and f"version {facts[name].version}" in text(listed)
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids)) and " style=" not in page
    assert facts[name].licence in text(page) and facts[name].file.sha256 in page
    assert len(page.encode()) < 100_000


def test_of_a_model_that_is_not_served_visitors_read_no_path_of_the_host(make_client, make_registry):
    registry = replace(make_registry(), skipped=("mine is not served. /home/jane/model/mine/head.npz: broken.",))
    page = make_client(registry, MODEL_DIR="/home/jane/model").get("/models").text
    assert "mine is not served. model/mine/head.npz: broken." in page and "jane" not in page
