"""The viewer of the result page: heat, lines, zoom and greys; and the page without it."""

import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.browser.batch_page import analyse
from xray.annotate.panels import viewer_image
from xray.io import image
from xray.registry import MODEL_DIR

pytestmark = pytest.mark.browser

# One picture more where the served backbone has an opacity map.
MAPPED = (MODEL_DIR / "opacity").is_dir()
CANVAS = """canvas => [canvas.width, ...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
  .filter((_, index) => index % 4 === 0)]"""


@pytest.fixture(scope="session")
def deep_film(radiograph, tmp_path_factory):
    """A film of 12 bits in a 16-bit PNG, larger than it is shown."""
    levels = cv2.resize(radiograph().astype(np.float32) * 15 + 200, (1100, 1200), interpolation=cv2.INTER_CUBIC)
    path = tmp_path_factory.mktemp("deep") / "deep.png"
    path.write_bytes(cv2.imencode(".png", np.clip(levels, 0, 4095).astype(np.uint16))[1].tobytes())
    return path


@pytest.fixture
def analysed(visit):
    """Open a result."""

    def opened(file, model="covid_normal", **options):
        page = visit(**options)
        analyse(page, file, model)
        if options.get("java_script_enabled", True):
            page.get_by_text("Map, lines, brightness, keys").click()
        return page

    return opened


def stage(page):
    return page.get_by_role("group", name="The radiograph", exact=True)


def zoom(page):
    return float(page.locator("[name=zoom]").inner_text().rstrip("%")) / 100


def shift(page):
    """Tell how far the film is moved."""
    style = page.locator(".stage .layers").evaluate("layers => layers.style.transform")
    return [float(number) for number in re.findall(r"translate\(([-\d.]+)px, ([-\d.]+)px", style)[0]]


def greys(page):
    """Return what the canvas shows."""
    width, *values = page.locator(".stage canvas").evaluate(CANVAS)
    return np.array(values).reshape(-1, width)


def opacity(page, model):
    return float(page.locator(f".heat[data-model={model}]").evaluate("heat => getComputedStyle(heat).opacity"))


def test_heat_and_lines_are_laid_over_the_film_as_asked(analysed, film):
    page = analysed(film, "both")
    assert page.locator(".films").is_hidden()
    page.get_by_role("slider", name="Map").fill("35")
    assert opacity(page, "covid_normal") == pytest.approx(0.35)
    page.get_by_role("radio", name="Heat of Model 2").check()
    shown = "heats => heats.filter(heat => heat.checkVisibility()).map(heat => heat.dataset.model)"
    assert page.locator(".heat").evaluate_all(shown) == ["covid_pneumo"]
    assert opacity(page, "covid_pneumo") == pytest.approx(0.35)
    seen = [stage(page).screenshot()]
    for line in ("Lung outline", "Frame of what the network saw"):
        page.get_by_label(line, exact=True).uncheck()
        seen.append(stage(page).screenshot())
    assert len(set(seen)) == 3, "each line is drawn, and goes"


def test_the_film_is_zoomed_and_moved_and_the_page_scrolls_until_it_is_asked_to(analysed, film):
    page = analysed(film)
    middle = stage(page).bounding_box()
    x, y = middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2
    page.mouse.move(x, y)
    page.mouse.wheel(0, -40)
    assert zoom(page) == 1
    page.get_by_role("button", name="Zoom in").click()
    assert zoom(page) == 1.5
    stage(page).scroll_into_view_if_needed()
    middle = stage(page).bounding_box()
    x, y = middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2
    stage(page).click()
    page.mouse.wheel(0, -300)
    page.wait_for_function("parseInt(document.querySelector('[name=zoom]').value) > 200")
    stage(page).dblclick()
    assert zoom(page) > 4
    before = shift(page)
    page.mouse.down()
    page.mouse.move(x + 50, y - 30, steps=3)
    page.mouse.up()
    np.testing.assert_allclose(np.subtract(shift(page), before), (50, -30), atol=0.1)
    page.get_by_role("button", name="Reset").click()
    assert (zoom(page), shift(page)) == (1, [0, 0])
    assert page.get_by_role("button", name="Zoom out").is_disabled()


def test_brightness_and_contrast_reach_every_level_of_a_deep_film(analysed, deep_film):
    asked = []
    page = analysed(deep_film)
    page.on("request", lambda request: asked.append(request.url))
    canvas = page.locator(".stage canvas")
    assert canvas.is_hidden()
    deep = image.load(deep_film.read_bytes(), deep=True).deep
    deep = replace(deep, levels=viewer_image(deep.levels))
    width, level = deep.high - deep.low, (deep.high + deep.low) / 2
    page.get_by_role("slider", name="Contrast").fill("50")
    canvas.wait_for(state="visible")
    assert [url.rpartition("/")[2] for url in asked] == ["deep.png"]
    narrow = replace(deep, low=level - width / 8, high=level + width / 8)
    np.testing.assert_allclose(greys(page), narrow.shown(), atol=1)
    assert page.locator("[name=window]").inner_text() == f"level {round(level)}, width {round(width / 4)}"
    page.get_by_role("slider", name="Brightness").fill("10")
    page.wait_for_timeout(500)
    brighter = replace(deep, low=narrow.low - width / 10, high=narrow.high - width / 10)
    np.testing.assert_allclose(greys(page), brighter.shown(), atol=1)
    page.get_by_role("button", name="Reset").click()
    canvas.wait_for(state="hidden")


@pytest.mark.parametrize("how", ["right button", "keys"])
def test_dragging_and_keys_set_the_greys_of_any_film(analysed, film, how):
    page = analysed(film)
    stage(page).click()
    box = stage(page).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if how == "keys":
        page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("Shift+ArrowLeft")
    else:
        page.mouse.move(x, y)
        page.mouse.down(button="right")
        page.mouse.move(x + 20, y + 20, steps=2)
        page.mouse.up(button="right")
    page.locator(".stage canvas").wait_for(state="visible")
    assert greys(page).max() < 250, "darker, and with less contrast"
    assert int(page.get_by_role("slider", name="Brightness").input_value()) == -5
    assert int(page.get_by_role("slider", name="Contrast").input_value()) == -5
    assert shift(page) == [0, 0]


def test_keys_work_on_the_film_and_leave_form_fields_alone(analysed, film):
    page = analysed(film)
    press, heat = page.keyboard.press, page.get_by_role("slider", name="Map")
    page.locator(".file-name").click()
    press("h")
    assert heat.input_value() == "70", "not before the film is chosen, and the film can be read under it"
    stage(page).focus()
    for key, done in (("+", lambda: zoom(page) == 1.5), ("ArrowDown", lambda: shift(page)[1] < 0)):
        press(key)
        assert done(), key
    press("h")
    assert heat.input_value() == "0"
    press("h")
    press("l")
    assert not page.get_by_label("Lung outline", exact=True).is_checked()
    press("w")
    assert page.get_by_role("radio", name="Dragging sets window/level").is_checked()
    press("0")
    assert zoom(page) == 1 and page.get_by_label("Lung outline", exact=True).is_checked()
    heat.focus()
    press("h")
    press("ArrowLeft")
    assert heat.input_value() == "69" and zoom(page) == 1
    assert page.get_by_text("lung outline on and off").is_visible()


@pytest.mark.parametrize("how", ["key", "button"])
def test_the_plain_film_is_seen_while_a_key_or_the_button_is_held(analysed, film, how):
    page = analysed(film)
    shown = "() => getComputedStyle(document.querySelector('.heat')).visibility"
    if how == "key":
        stage(page).focus()
        page.keyboard.down("p")
    else:
        page.get_by_role("button", name="Hold: plain radiograph").hover()
        page.mouse.down()
    assert page.evaluate(shown) == "hidden" and page.locator(".stage.plain svg").count() == 1
    page.keyboard.up("p") if how == "key" else page.mouse.up()
    assert page.evaluate(shown) == "visible"


def test_all_maps_can_be_seen_side_by_side(analysed, film):
    page = analysed(film, "both")
    page.get_by_role("button", name="Side by side").click()
    shown = page.locator(".films figure")
    assert shown.count() == 4 + MAPPED and all(figure.is_visible() for figure in shown.all())
    assert stage(page).is_hidden()
    page.get_by_role("button", name="Side by side").click()
    assert stage(page).is_visible() and shown.first.is_hidden()


@pytest.mark.parametrize(("model", "figures"), [("covid_normal", 3), ("both", 4)])
def test_without_scripts_the_pictures_stand_side_by_side(analysed, film, model, figures):
    page = analysed(film, model, java_script_enabled=False)
    assert page.url.endswith("/query") and page.locator(".viewer").count() == 0
    shown, figures = page.locator(".films figure"), figures + MAPPED
    assert shown.count() == figures and all(figure.is_visible() for figure in shown.all())
    assert shown.first.bounding_box()["y"] + shown.first.bounding_box()["height"] <= 800
    with page.expect_navigation(wait_until="load"):
        page.get_by_role("link", name="Bookmark this page").click()
    assert re.search(r"/analyses/[\w-]{22}$", page.url) and page.locator(".films figure").count() == figures
