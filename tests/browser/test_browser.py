"""The pages in a real browser, against the real models."""

import pytest

from tests.browser.batch_page import analyse
from web.settings import MIB

pytestmark = pytest.mark.browser

# The ratio of WCAG 2.2, success criterion 1.4.3, for every element with words of its own; gives the failures.
CONTRAST = """() => {
  const luminance = rgb => rgb.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const parse = colour => colour.match(/[\\d.]+/g).map(Number);
  const ground = e => { for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] === 1) return c.slice(0, 3); }
    return [255, 255, 255]; };
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.closest('.skip, defs')) continue;
    const style = getComputedStyle(e), ink = e.namespaceURI.endsWith('svg') ? style.fill : style.color;
    const [a, b] = [luminance(parse(ink).slice(0, 3)), luminance(ground(e))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${e.tagName} ${e.textContent.trim().slice(0, 40)}`);
  }
  return found;
}"""


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
@pytest.mark.parametrize("example", ["covid_1", "normal", "child_viral"])
def test_from_the_first_page_one_click_on_an_example_leads_to_a_result_on_one_screen(visit, size, example):
    page = visit(*size)
    page.goto("/")
    if size[0] > 1000:
        decisions = ["#file", "#where", "#model", "#send"]
        assert inside(page, *decisions) == decisions
    assert page.locator("#model").input_value() == "both" and page.evaluate(WEIGHT) < 100_000
    page.locator(f"[value={example}]").click()
    page.wait_for_url("**/analyses/*")
    seen = [".word", ".stage"] + ([".score-of .scale", ".score-of:last-of-type .scale"] if size[0] > 1000 else [])
    assert inside(page, *seen) == seen
    assert page.locator(".stage .film").evaluate("film => film.decode().then(() => film.naturalWidth)") >= 384
    assert "Known finding:" in page.locator(".known").inner_text() and page.evaluate(WEIGHT) < 100_000
    assert page.locator("#details").get_attribute("open") is None
    page.locator("#details summary").first.click()
    assert page.get_by_text("A score is not a probability.").is_visible()


@pytest.mark.parametrize("model", ["covid_normal", "both"])
def test_a_film_gets_its_finding_its_scales_and_its_annotated_copies(visit, film, model):
    page = visit()
    analyse(page, film, model)
    assert page.get_by_role("heading", level=1).inner_text() == "фото 1.png"
    assert page.locator(".word").inner_text()
    scales = page.locator(".score-of .scale svg[role=img]")
    assert scales.count() == (2 if model == "both" else 1) == page.get_by_role("link", name="Annotated copy").count()
    for scale in scales.all():
        assert "negative below" in scale.get_attribute("aria-label")
    page.wait_for_load_state("networkidle")
    widths = page.locator(".viewer img").evaluate_all("pictures => pictures.map(p => p.naturalWidth)")
    assert widths and min(widths) >= 200


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


def test_without_its_script_a_file_over_the_limit_gets_a_page_and_not_a_broken_connection(visit, tmp_path):
    heavy = tmp_path / "heavy.png"
    with heavy.open("wb") as file:
        file.truncate(33 * MIB)
    page = visit(java_script_enabled=False)
    analyse(page, heavy)
    assert page.get_by_role("heading", level=1).inner_text() == "The upload is too large"
    page.get_by_role("link", name="Back to the form").click()
    assert page.get_by_label("Chest radiograph").is_visible()


@pytest.mark.parametrize(("width", "theme"), [(320, "light"), (390, "dark"), (1280, "light"), (3840, "dark")])
def test_no_page_scrolls_sideways_and_all_words_can_be_read(visit, film, width, theme):
    page = visit(width, color_scheme=theme)
    for path in ("/", "/about", "/nowhere", "result"):
        if path == "result":
            analyse(page, film)
        else:
            page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(CONTRAST) == [], path
