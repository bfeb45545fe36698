"""The models' pages: every figure is that of metadata.json, and what it lacks is left out, not invented."""

import json
import re
from dataclasses import replace
from html import unescape

import pytest
from msgspec import structs

from web.render.models import terms
from xray import answers, head_figures
from xray.networks import metadata
from xray.registry import MODEL_DIR, PROMISED

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


def text(page: str) -> str:
    """Return a page's words in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def figure(record) -> str:
    """Write a figure as the pages do."""
    return "–" if record is None else f"{record['value']:.3f} [{record['low']:.3f}–{record['high']:.3f}]"


def row(name, record) -> str:
    """Write a row of a pair's tables of figures."""
    figures = (figure(record[key]) for key in ("roc_auc", "sensitivity", "specificity"))
    return " ".join((name, f"{record['n']:,}", f"{record['patients']:,}", *figures))


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
                assert figure(part.figures["roc_auc"]) in page, (label, part.kind, part.name)


@pytest.mark.parametrize("name", PROMISED)
def test_the_tables_of_a_pair_are_those_of_its_metadata(visitor, facts, name):
    words, metrics = text(visitor().get(f"/models/{name}").text), facts[name].metrics
    test, audit = metrics["test"]["covid"], metrics["audit"]
    assert row("all sources", test["all"]) in words
    for source, record in test["sources"].items():
        assert row(source, record) in words
    assert row("no lung: border only", metrics["baselines"]["border_only"]["covid"]["all"]) in words
    for films in facts[name].training["films"]:
        assert f"{films['films']:,} ({films['patients']:,})" in words
    for each in audit["left_out"]:
        source = each["left_out"]
        assert row(source, metrics["left_out"][source]["covid"]) in words
    for group in answers.of_head(facts[name]):
        got = " ".join(
            f"{100 * group.share(finding):.0f}" for finding in answers.findings(answers.of_head(facts[name]))
        )
        assert f" {group.count:,} {got} " in words
    assert all(f" {prevalence:.0%} " in words for prevalence in answers.PREVALENCES)
    for counted in metrics["called"]:
        if counted["part"] == "left_out":
            continue  # the figures of each source left out stand in a table of their own
        said = counted["called"]
        negative = next(count for label, count in said.items() if label not in ("covid", "undecided"))
        counts = f"{figure(counted['called_positive'])} {said['covid']} {said['undecided']} {negative}"
        assert f"{counted['n']} {counted['patients']} {counts}" in words


@pytest.mark.parametrize("name", PROMISED)
def test_the_drawings_of_a_pair_hold_the_numbers_of_its_metadata(visitor, facts, name):
    page, metrics = visitor().get(f"/models/{name}").text, facts[name].metrics
    test, audit, curves = metrics["test"]["covid"]["all"], metrics["audit"], metrics["curves"]["covid"]
    for key in ("roc_auc", "sensitivity", "specificity"):
        assert figure(test[key]) in drawing(page, key)
        for source, left_out in metrics["left_out"].items():
            if left_out["covid"][key]:
                assert f"{source}, nothing learned of it" in drawing(page, key)
                assert figure(left_out["covid"][key]) in drawing(page, key)
    for count in test["confusion"].values():
        assert f" {count:,} " in drawing(page, "confusion")
    for word, counts in curves["verdicts"].items():
        assert f"{word} {counts['positive']} " in drawing(page, "verdicts")
    for split in ("val", "test"):
        steps = curves["score_histograms"][split]["positive"]
        assert len(steps) == page.count('class="positive"') / 2
    assert f"{audit['calibration']['expected_calibration_error']:.3f}" in drawing(page, "reliability")
    for each in audit["calibration"]["reliability"]:
        assert f"{each['score']:.3f} {each['positives']:.3f}" in text(page)


def test_several_exclusive_labels_show_which_was_called_of_which(visitor, facts):
    metrics, page = facts["three_classes"].metrics, visitor().get("/models/three_classes").text
    for id, key in (("confusion", "highest"), ("verdicts", "called")):
        for counts in zip(*metrics["confusion"][key], strict=True):
            assert all(f" {count} " in drawing(page, id) for count in counts)
    for label in ("covid", "normal", "pneumonia"):
        figures = metrics["test"][label]["all"]
        assert " ".join(figure(figures[key]) for key in ("roc_auc", "sensitivity", "specificity")) in text(page)
    assert "nih, by a head that learned nothing of it" in text(page)


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


@pytest.mark.parametrize("name", ["covid_normal", "covid_pneumo"])
def test_a_pair_first_says_in_plain_words_what_it_answered_in_hospitals_that_it_never_saw(visitor, facts, name):
    words, positive = text(visitor().get(f"/models/{name}").text), facts[name].positive
    rows = [each for each in facts[name].metrics["called"] if each["part"] == "left_out" and each["label"] == positive]
    total = sum(each["n"] for each in rows)
    found, open_ = (round(100 * sum(each["called"][key] for each in rows) / total) for key in (positive, "undecided"))
    said = (
        f"hospitals that it never saw, it finds {found}, misses {100 - found - open_} and does not decide on {open_}."
    )
    assert said in words


def test_the_contents_lead_to_every_section_and_the_words_to_their_meaning(visitor):
    page = visitor().get("/models/covid_normal").text
    ids = set(re.findall(r'\sid="([^"]+)"', page))
    listed = re.findall(r'<a href="#([^"]+)"', page[page.index('class="contents"') : page.index("<article")])
    assert set(listed) <= ids and set(re.findall(r'<h2 id="([^"]+)"', page)) == set(listed)


def test_known_failures_follow_from_the_figures(visitor, facts):
    metrics = facts["covid_normal"].metrics
    words = text(visitor().get("/models/covid_normal").text)
    sides = metrics["test"]["covid"]["sources"].values()
    one_sided = sum(not (each["positives"] and each["negatives"]) for each in sides)
    assert f"{one_sided} of the {len(sides)} sources of test radiographs have one class only" in words
    worst = max(each["verdict_changed"] for each in metrics["audit"]["robustness"])
    assert f"gives another verdict on {worst:.0%} of the radiographs" in words
    assert "It knows two answers, COVID-19 and normal" in words


def test_the_other_artefacts_show_their_own_figures(visitor, facts):
    client = visitor()
    lungs, screen = (text(client.get(f"/models/{name}").text) for name in ("lung_unet", "screen"))
    assert (
        f"Dice {facts['lung_unet'].metrics['dice']:.3f} on {facts['lung_unet'].metrics['pictures']} radiographs"
        in lungs
    )
    for parts in facts["screen"].metrics.values():
        for rows in parts.values():
            for counted in rows.values():
                share = counted["flagged"] / counted["n"]
                shown = f"{share:.3f} [{counted['low']:.3f}–{counted['high']:.3f}]"
                assert f"{counted['flagged']:,} / {counted['n']:,} {shown}" in screen
    for check in facts["screen"].checks:
        assert f"{check.threshold:.3f}" in screen


@pytest.mark.parametrize("name", PROMISED)
def test_a_page_says_licence_versions_and_how_to_make_it_again(visitor, facts, name):
    words, each = text(visitor().get(f"/models/{name}").text), facts[name]
    assert each.licence in words
    assert each.file.sha256 in words
    for package, version in each.training["versions"].items():
        assert f"{package} {version}" in words
    assert "make models" in words
    assert re.search(rf"python -m training\S* .*{name}", words)
    assert "Diagnosis, triage, or any decision about a person" in words
    for source in each.training["config"]["sources"]:
        assert re.search(rf"{source} [A-Z][^.]+\. {re.escape(terms.SOURCES[source].citation)}", words)


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
    assert len(page.encode()) < 100_000


def test_what_stands_on_another_backbone_is_made_for_it(visitor, facts):
    thin = structs.replace(facts["covid_normal"], backbone="thin")
    page = visitor(covid_normal=thin).get("/models/covid_normal").text
    assert "--backbone thin" in page
    assert "model/thin/covid_normal/head.npz" in page
    assert "--backbone" not in visitor().get("/models/covid_normal").text


def test_a_slim_backbone_says_what_it_gives_up(visitor, facts):
    beside = [{"inside": each} for each in (True, True, None, False)]
    metrics = {"missed_averaged": 0.0213, "missed_map": 0.1, "beside": beside}
    thin = structs.replace(facts["vgg16_cxr"], name="thin", metrics=metrics)
    page = text(visitor(thin=thin).get("/models/thin").text)
    assert "misses 2.1% of how they differ between radiographs" in page
    assert "Of the 4 figures audited for both, 1 left the interval of vgg16_cxr; model/thin/README.md" in page
    assert "fewer channels, taught by the whole one" in page and "lowest rows above" not in page
    assert "lowest rows above" in text(visitor().get("/models/vgg16_cxr").text)


def test_of_a_model_that_is_not_served_visitors_read_no_path_of_the_host(make_client, make_registry):
    registry = replace(make_registry(), skipped=("mine is not served. /home/jane/model/mine/head.npz: broken.",))
    page = make_client(registry, MODEL_DIR="/home/jane/model").get("/models").text
    assert "mine is not served. model/mine/head.npz: broken." in page and "jane" not in page
