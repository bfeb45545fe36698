"""What one did before: kept for this browser, unseen by another, in its language, with scripts and without."""

import csv
from pathlib import Path

import cv2
import pytest

from tests.browser.batch_page import analyse, png

pytestmark = pytest.mark.browser

SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["with script", "without"])


def read(page, film, times=1):
    """Analyse a film by both models, and return the address of the last analysis."""
    for _ in range(times):
        analyse(page, film)
    return page.get_by_role("link", name="Bookmark this page").get_attribute("href")


@SCRIPT
def test_analyses_are_opened_downloaded_and_deleted_one_by_one_and_all(visit, film, script):
    page = visit(java_script_enabled=script)
    read(page, film, times=3)
    page.goto("/analyses/")
    rows = page.locator(".records > li")
    assert rows.count() == 3
    with page.expect_download() as table:
        page.get_by_role("link", name="Download as CSV").click()
    lines = list(csv.DictReader(Path(table.value.path()).read_text(encoding="utf-8-sig").splitlines()))
    assert len(lines) == 9 and {line["model"] for line in lines} == {"covid_normal", "covid_pneumo", "combined"}
    with page.expect_download() as report:
        rows.first.get_by_role("link", name="Report (PDF)").click()
    assert Path(report.value.path()).read_bytes().startswith(b"%PDF-")
    with page.expect_navigation(wait_until="load"):
        rows.first.get_by_role("link", name="фото 1.png").last.click()
    assert page.locator(".score-of .scale").count() == 2
    page.goto("/analyses/")
    rows.first.locator("summary").click()
    rows.first.get_by_role("button", name="Delete permanently").click()
    page.locator(".news").wait_for()
    assert rows.count() == 2
    page.locator(".confirm.all summary").click()
    page.get_by_role("button", name="Delete all permanently").click()
    page.get_by_text("There are none yet.").wait_for()


@pytest.fixture
def lettered(radiograph, tmp_path):
    """A film with a name burnt into a corner."""
    path = tmp_path / "фото 2.png"
    path.write_bytes(png(cv2.putText(radiograph(), "DOE JANE 1970", (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 230)))
    return path


@SCRIPT
def test_a_link_opens_in_a_second_browser_until_it_is_withdrawn(visit, lettered, script):
    mine, other = visit(), visit(java_script_enabled=script)
    address = read(mine, lettered)
    mine.goto(address)
    mine.get_by_role("button", name="Cover the text").click()
    mine.get_by_text("The text is covered").wait_for()
    mine.get_by_role("button", name="Make a link").click()
    link = mine.get_by_label("Your link").input_value()
    other.goto(link)
    if not script:
        other.get_by_label("Link").fill(link)
        other.get_by_role("button", name="Show the result").click()
    other.wait_for_url(f"**{address}")
    assert other.get_by_role("heading", level=1).inner_text() == "A shared result"
    assert "фото" not in other.content() and other.request.get(f"{address}/film.jpg").status == 200
    mine.get_by_role("button", name="Withdraw").click()
    mine.get_by_role("button", name="Withdraw").wait_for(state="detached")
    other.reload()
    other.get_by_role("heading", name="This analysis is private").wait_for()
    assert other.request.get(f"{address}/film.jpg").status == 404
