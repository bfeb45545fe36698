"""The page that teaches, in a real browser: the slider, the covered radiograph, the guesses, and the words."""

import re

import pytest

from tests.browser.test_accessibility import axe, found  # noqa: F401 - a fixture

pytestmark = pytest.mark.browser

FILM = "/how?film=covid_1&model=covid_normal"


def numbers(page, id):
    """Return the last two numbers of a sentence."""
    return [int(each) for each in re.findall(r"\d+", page.locator(f"#{id}").inner_text())][-2:]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_lower_threshold_finds_more_and_raises_more_false_alarms(visit, axe, theme):  # noqa: F811
    page = visit(color_scheme=theme, width=390, height=844)
    page.goto(FILM)
    slider = page.get_by_role("slider")
    assert page.locator("#cut-value").inner_text() == "0.4703"
    slider.fill("14")
    (found_high, _), (_, alarms_high) = numbers(page, "found"), numbers(page, "cleared")
    slider.press("Home")
    for _ in range(6):
        slider.press("ArrowRight")
    assert page.locator("#cut-value").inner_text() == "0.30"
    (found_low, _), (_, alarms_low) = numbers(page, "found"), numbers(page, "cleared")
    assert found_low > found_high and alarms_low > alarms_high
    [_, rare] = numbers(page, "worth")
    page.get_by_label("How many of those X-rayed have it").select_option("0.5")
    assert numbers(page, "worth")[1] > rare
    assert found(axe, page) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_dragging_over_the_lungs_takes_the_score_and_nothing_stays(visit, axe, width):  # noqa: F811
    page = visit(width=width, height=844)
    page.goto(FILM)
    canvas = page.locator(".fields")
    canvas.scroll_into_view_if_needed()
    before = page.locator("#covered dd").inner_text()
    box = canvas.bounding_box()
    asked = []
    page.on("request", lambda request: asked.append(request.method))

    def at(x, y):
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    page.mouse.move(*at(0.05, 0.15))
    page.mouse.down()
    page.mouse.move(*at(0.95, 0.95), steps=20)
    page.mouse.up()
    page.locator("#covered", has_text=re.compile("The score fell")).wait_for()
    assert asked == ["POST"] and "1 part covered" in page.locator("#covered").inner_text()
    assert page.locator(".fields :checked").count() == 0
    assert found(axe, page) == []
    # A tap takes the rectangle away, another one covers a field.
    page.mouse.click(*at(0.5, 0.5))
    page.locator("#covered", has_text="Cover something").wait_for()
    page.mouse.click(*at(0.5, 0.5))
    page.locator("#covered", has_text="1 part covered").wait_for()
    assert page.locator(".fields :checked").count() == 1
    page.get_by_role("button", name="Uncover all").click()
    page.locator("#covered", has_text="Cover something").wait_for()
    assert page.locator("#covered dd").inner_text() == before
    # The keyboard alone: one stop, arrows, and the space bar.
    page.get_by_label("Row 1, column 1", exact=True).focus()
    for key in ("ArrowDown", "ArrowRight", "Space"):
        page.keyboard.press(key)
    page.locator("#covered", has_text="1 part covered").wait_for()
    assert page.get_by_label("Row 2, column 2", exact=True).is_checked()
    page.goto("/analyses/")
    assert "covid_1" not in page.content()


def test_without_scripts_a_covered_radiograph_is_read_and_the_thresholds_are_a_table(visit):
    page = visit(java_script_enabled=False)
    page.goto(FILM)
    page.get_by_label("Row 5, column 3", exact=True).check()
    page.get_by_role("button", name="Read it again").click()
    assert "1 part covered" in page.locator("#covered").inner_text()
    page.get_by_role("link", name="Back").click()
    assert page.locator("#cut").is_hidden()
    page.locator("#thresholds summary").click()
    assert page.locator("#thresholds tbody tr").count() == 22


def test_guess_first_then_see(visit, axe):  # noqa: F811
    page = visit(width=390, height=844)
    page.goto("/how")
    page.get_by_role("link", name="Guess first, then see").click()
    assert found(axe, page) == []
    page.get_by_role("button", name="Normal").click()
    assert "Known finding" in page.content() and "Both models" in page.content()
    assert found(axe, page) == []
    page.get_by_role("link", name="Next").click()
    assert "Radiograph 2 of" in page.content()
