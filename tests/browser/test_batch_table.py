"""What comes of many pictures: a table that is sorted, filtered, opened and downloaded."""

import re

import pytest

from tests.browser.batch_page import SAID, download, finish, lines, names, start

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_films_and_bad_files_become_a_table_and_a_csv(visit, mixed, script):
    page = visit(java_script_enabled=script)
    start(page, mixed)
    rows = finish(page)
    assert [row[1] for row in rows] == [path.name for path in mixed]
    read = {row[1]: row for row in rows if len(row) == 6}
    assert set(read) == {"a.png", "b.png", "negative.png"}
    for row in read.values():
        assert re.fullmatch(SAID, row[2])
        assert all(re.fullmatch(rf"{SAID} 0\.\d+", cell) for cell in row[3:5])
    assert "Came as a negative" in read["negative.png"][5]
    refused = {row[1]: row[2] for row in rows if len(row) == 3}
    for name, words in (
        ("empty.png", "0 bytes"), ("letter.txt", "begins like none of them"), ("photo.png", "colour"),
        ("torn.png", "truncated or damaged"),
    ):  # fmt: skip
        assert refused[name].startswith("Not read ") and words in refused[name]
    table = lines(download(page, "Table of all rows"))
    assert [line["file"] for line in table] == [path.name for path in mixed]
    assert all(line["verdict"] in row[2] for line, row in zip(table, rows, strict=True))
    assert all(line["error"] in refused[line["file"]] for line in table if not line["verdict"])


def test_the_table_sorts_and_filters(visit, mixed):
    page = visit()
    start(page, mixed, model="covid_normal")
    rows = finish(page)
    table = lines(download(page, "Table of all rows"))
    scores = {line["file"]: float(line["covid_normal_score"]) for line in table if line["verdict"]}
    refused = [row[1] for row in rows if len(row) == 3]
    head = page.get_by_role("columnheader", name="Model 1")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert names(page) == sorted(scores, key=scores.get, reverse=True) + refused
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert names(page) == sorted(scores, key=scores.get) + refused, "what was not read stands last"
    page.get_by_role("button", name="File").click()
    assert head.get_attribute("aria-sort") is None and names(page) == [path.name for path in mixed]
    for finding, words in (("normal", "Looks normal"), ("abnormal", "Abnormal"), ("undecided", "Undecided")):
        found = [line["file"] for line in table if line["finding"] == finding]
        page.get_by_role("button", name=f"{words} {len(found)}").click()
        assert names(page) == found
    unread = page.get_by_role("button", name="Not read 4")
    unread.click()
    assert unread.get_attribute("aria-pressed") == "true" and names(page) == refused
    page.get_by_label("Find in file names").fill("LETTER")
    assert names(page) == ["letter.txt"]
    page.get_by_label("Find in file names").fill("nowhere")
    assert names(page) == [] and page.get_by_text("No row matches this filter.").is_visible()
    page.get_by_role("button", name="With cautions").click()
    page.get_by_label("Find in file names").fill("")
    assert "negative.png" in names(page)


def test_a_row_leads_to_its_analysis_and_back_to_the_whole_table(visit, mixed):
    page = visit()
    start(page, mixed[:4])
    before = finish(page)
    page.get_by_role("link", name="b.png").click()
    assert page.get_by_role("heading", level=1).inner_text() == "b.png"
    page.go_back()
    assert finish(page) == before
    assert len(lines(download(page, "Table of all rows"))) == 4
    page.get_by_role("link", name="Start another batch").click()
    page.get_by_role("button", name="Start").wait_for()
    assert page.locator("#rows").count() == 0


@pytest.mark.parametrize("function", ["classify", "show"])
def test_no_table_scrolls_sideways(visit, mixed, function):
    page = visit(width := 320)
    page.goto("/batch")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    start(page, mixed[1:4], function)
    finish(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
