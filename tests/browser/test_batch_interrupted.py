"""A batch that is stopped, or meets a busy site or one that has forgotten it."""

import pytest

from tests.browser.batch_page import cells, finish, names, start, write

pytestmark = pytest.mark.browser


def test_a_stopped_batch_goes_on_where_it_stood(visit, mixed):
    page = visit()
    asked = []

    def let_two_through(route):
        asked.append(route)
        if len(asked) < 3:
            route.continue_()

    page.route("**/batch/one", let_two_through)
    start(page, mixed)
    page.locator("#rows tr").nth(1).wait_for()
    page.get_by_role("button", name="Stop").click()
    finish(page)
    assert page.locator("#state").inner_text().startswith("Stopped:")
    assert len(names(page)) < 7
    page.unroute("**/batch/one")
    page.get_by_role("button", name="Send the rest again").click()
    page.locator("#state", has_text="Finished: 3 read, 4 not.").wait_for()
    assert names(page) == [path.name for path in mixed], "each file once, in its place"


def test_a_busy_site_is_asked_again_and_a_dead_one_let_be(visit, tmp_path):
    files = write(tmp_path, **{f"{letter}__txt": b"Dear radiologist" for letter in "abcdef"})
    page = visit()
    asked = []

    def busy(route):
        asked.append(route)
        route.fulfill(status=429, body="busy") if len(asked) < 3 else route.continue_()

    page.route("**/batch/one", busy)
    start(page, files)
    finish(page)
    assert len(asked) == 8 and len(names(page)) == 6
    page.unroute("**/batch/one")
    page.get_by_role("link", name="Start another batch").click()
    page.route("**/batch/one", lambda route: route.fulfill(status=429, body="busy"))
    start(page, files)
    rows = finish(page)
    assert 4 <= len(rows) < 6 and all("too busy" in row[2] and "(429)" in row[2] for row in rows)
    page.unroute("**/batch/one")
    page.get_by_role("button", name="Send the rest again").click()
    page.locator("#state", has_text="Finished: 0 read, 6 not.").wait_for()
    assert all("begins like none" in row[2] for row in cells(page))
