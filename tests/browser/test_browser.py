"""The pages in a real browser, against the real models."""

import pytest

from tests.browser.batch_page import VERDICTS, analyse
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


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("covid_normal", ["Model 1: Covid / Normal"]),
        ("both", ["Model 1: Covid / Normal", "Model 2: Covid / Pneumo"]),
    ],
)
def test_a_film_gets_its_verdict_its_pictures_and_its_annotated_copy(visit, film, model, shown):
    page = visit()
    analyse(page, film, model)
    assert page.get_by_role("heading", level=1).inner_text() == "фото 1.png"
    assert [text.splitlines()[0] for text in page.locator(".reading h2").all_inner_texts()] == shown
    words = page.locator(".reading .word").all_inner_texts()
    assert len(words) == len(shown) and set(words) <= VERDICTS
    together = page.get_by_role("region", name="Both models read together")
    assert together.count() == (len(shown) == 2)
    page.wait_for_load_state("networkidle")
    widths = page.locator("main img").evaluate_all("pictures => pictures.map(p => p.naturalWidth)")
    assert widths and min(widths) >= 200
    for meter in page.locator(".scale svg[role=img]").all():
        assert "threshold" in meter.get_attribute("aria-label")


def test_both_models_together_come_first_and_lead_to_each(visit, film):
    page = visit(390)
    analyse(page, film)
    together = page.get_by_role("region", name="Both models read together")
    assert together.locator(".word").inner_text() in VERDICTS
    assert together.locator(".sentence").inner_text() and "only its two answers" in together.inner_text()
    assert together.bounding_box()["y"] < page.locator(".reading").first.bounding_box()["y"]
    together.get_by_role("link", name="Model 2").click()
    assert page.url.endswith("#covid_pneumo")


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
