"""The pages in a real browser, against the real models."""

import pytest

from tests.browser.batch_page import analyse

pytestmark = pytest.mark.browser


def inside(page, *selectors):
    """Tell which elements lie wholly inside the window, without scrolling."""
    look = """each => { const { top, left, bottom, right } = each.getBoundingClientRect();
      return bottom > top && top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth; }"""
    assert page.evaluate("scrollY") == 0
    return [selector for selector in selectors if page.locator(selector).first.evaluate(look)]


WEIGHT = """() => performance.getEntries()
  .filter(each => ['navigation', 'resource'].includes(each.entryType) && each.initiatorType !== 'img')
  .reduce((sum, each) => sum + each.decodedBodySize, 0)"""


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080), (390, 844)])
def test_from_the_first_page_one_click_on_an_example_leads_to_a_result_on_one_screen(visit, size):
    page = visit(*size)
    page.goto("/")
    if size[0] > 1000:
        decisions = ["#file", "#where", "#model", "#send"]
        assert inside(page, *decisions) == decisions
    assert page.locator("#model").input_value() == "both" and page.evaluate(WEIGHT) < 100_000
    page.locator("[value=covid_1]").click()
    page.wait_for_url("**/analyses/*")
    seen = [".word", ".stage"] + ([".score-of .scale", ".score-of:last-of-type .scale"] if size[0] > 1000 else [])
    assert inside(page, *seen) == seen
    assert page.locator(".stage .film").evaluate("film => film.decode().then(() => film.naturalWidth)") >= 384
    assert "Known finding:" in page.locator(".known").inner_text() and page.evaluate(WEIGHT) < 100_000
    assert page.locator("#details").get_attribute("open") is None
    page.locator("#details summary").first.click()
    assert page.get_by_text("A score is not a probability.").is_visible()


def test_everything_can_be_done_with_the_keyboard(visit, film):
    page = visit()
    # From the start, or the key below may be quicker than Playwright's taking over of the dialog.
    page.on("filechooser", lambda chooser: None)
    page.goto("/")
    press = page.keyboard.press
    press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    press("Enter")
    press("Tab")
    assert page.locator(":focus").get_attribute("name") == "file"
    outline = page.locator(":focus").evaluate(
        "e => getComputedStyle(e).outlineStyle + getComputedStyle(e).outlineWidth"
    )
    assert outline == "solid3px"
    with page.expect_file_chooser() as chooser:
        press("Enter")
    chooser.value.set_files(film)
    for _ in ("a batch", "model"):
        press("Tab")
    press("ArrowDown")
    press("Tab")
    assert page.locator(":focus").inner_text() == "Analyse"
    press("Enter")
    page.wait_for_url("**/analyses/*")
    assert page.locator("#covid_normal").count() == 1


def test_without_its_script_a_refused_file_is_announced_and_the_chosen_model_kept(visit, tmp_path):
    letter = tmp_path / "letter.png"
    letter.write_text("Dear radiologist")
    page = visit(java_script_enabled=False)
    analyse(page, letter, "covid_pneumo")
    assert "PNG, JPEG or DICOM" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Model", exact=True).input_value() == "covid_pneumo"
    assert page.title().startswith("Not analysed")


@pytest.mark.parametrize("width", [320, 3840])
def test_no_page_scrolls_sideways(visit, film, width):
    page = visit(width)
    for path in ("/", "/about", "/nowhere", "result"):
        if path == "result":
            analyse(page, film)
        else:
            page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
