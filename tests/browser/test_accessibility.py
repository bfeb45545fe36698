"""What axe-core finds on every page, in both themes and on a phone: nothing serious. WCAG 2.2 A and AA."""

from importlib import import_module

import pytest

from tests.browser.batch_page import analyse

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SERIOUS = {"serious", "critical"}
MODELS = ("/models", "/models/covid_normal", "/models/screen")
PAGES = ("/", "/batch", "/analyses/", *MODELS, "/data", "/how", "/about", "/api", "/shared", "/no")


@pytest.fixture(scope="module")
def axe():
    return import_module("axe_playwright_python.sync_playwright").Axe()


def found(axe, page):
    """Return what is serious, with where it is, so that a failure says what to mend."""
    violations = axe.run(page, options=RULES).response["violations"]
    return [
        f"{each['id']} ({each['impact']}): {node['target']} {node['failureSummary']}"
        for each in violations
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page(visit, axe, path, theme):
    page = visit(color_scheme=theme)
    page.goto(path)
    assert found(axe, page) == []


@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_result_and_the_list_that_keeps_it(visit, axe, film, theme, width):
    page = visit(color_scheme=theme, width=width)
    for _ in range(2):
        analyse(page, film)
    with page.expect_navigation(wait_until="load"):
        page.get_by_role("button", name="Make a link").click()
    page.get_by_role("button", name="Withdraw").wait_for()
    assert found(axe, page) == []
    page.goto("/analyses/")
    assert found(axe, page) == []
    for box in page.get_by_label("Compare").all():
        box.check()
    with page.expect_navigation(wait_until="load"):
        page.get_by_role("button", name="Show side by side").click()
    assert found(axe, page) == []
