"""The form in a real browser: every way in, the look before sending, and the same without its script."""

import base64
import re

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.browser

# Give files to the page as a mouse that drops them, or the clipboard, would.
GIVE = """([kind, files]) => {
  const data = new DataTransfer();
  for (const [name, type, content] of files) {
    data.items.add(new File([Uint8Array.from(atob(content), c => c.charCodeAt(0))], name, { type }));
  }
  const target = document.getElementById('upload'), options = { bubbles: true, cancelable: true };
  if (kind === 'paste') {
    return target.dispatchEvent(new ClipboardEvent('paste', { ...options, clipboardData: data }));
  }
  const happen = name => target.dispatchEvent(new DragEvent(name, { ...options, dataTransfer: data }));
  happen('dragover');
  const seen = getComputedStyle(target, '::after').borderTopStyle;
  happen('drop');
  return seen;
}"""


def give(page, kind, *files):
    packed = [(path.name, "image/png", base64.b64encode(path.read_bytes()).decode()) for path in files]
    return page.evaluate(GIVE, [kind, packed])


def facts(page):
    """Wait for the picture on the light box, and return its caption."""
    page.locator("#film").wait_for()
    page.locator("#facts", has_text=re.compile(r"px\s*$")).wait_for()
    return " ".join(page.locator("#facts").inner_text().split())


def send(page, button="Analyse"):
    with page.expect_navigation(wait_until="load"):
        page.get_by_role("button", name=button).click()
    return page.locator(".file-name").inner_text()


def test_browse(visit, film):
    page = visit()
    page.goto("/")
    page.get_by_label("Chest radiograph").set_input_files(film)
    assert re.fullmatch(r"фото 1\.png PNG · \d+ KiB · 480 × 512 px", facts(page))
    assert page.locator(".examples").is_hidden() and page.locator("#objection").inner_text() == ""
    assert send(page) == "фото 1.png"


def test_the_preview_is_turned_as_the_film_will_be(visit, film):
    page = visit()
    page.goto("/")
    page.get_by_label("Chest radiograph").set_input_files(film)
    facts(page)
    page.get_by_role("button", name="Turn left").click()
    assert page.locator("#film").evaluate("each => getComputedStyle(each).rotate") == "270deg"
    assert page.locator("#turn").input_value() == "270"
    page.get_by_role("button", name="Turn right").click()
    assert page.locator("#film").evaluate("each => getComputedStyle(each).rotate") == "none"


def test_a_refused_film_stays_chosen_and_is_turned_and_read_by_one_click(visit, radiograph, tmp_path):
    lying = tmp_path / "lying.png"
    lying.write_bytes(cv2.imencode(".png", np.rot90(radiograph()))[1].tobytes())
    page = visit()
    page.goto("/")
    page.get_by_label("Chest radiograph").set_input_files(lying)
    page.get_by_role("button", name="Analyse").click()
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert "on its side" in alert.inner_text() and alert.evaluate("e => e === document.activeElement")
    assert page.locator("#film").is_visible() and page.url.endswith("/")
    assert send(page, "Turn and read") == "lying.png"


def test_a_page_that_had_expired_keeps_the_film_and_can_be_sent_again(visit, film):
    page = visit()
    page.goto("/")
    page.get_by_label("Chest radiograph").set_input_files(film)
    page.evaluate("document.querySelector('#upload [name=csrf_token]').value = 'old'")
    page.get_by_role("button", name="Analyse").click()
    page.get_by_text("The page had expired").wait_for()
    assert send(page) == "фото 1.png"


def test_of_two_films_in_one_picture_either_is_read_by_one_click(visit, radiograph, tmp_path):
    two = tmp_path / "two.png"
    gutter = np.zeros((512, 24), np.uint8)
    two.write_bytes(cv2.imencode(".png", np.hstack([radiograph(), gutter, radiograph(seed=1)]))[1].tobytes())
    page = visit()
    page.goto("/")
    page.get_by_label("Chest radiograph").set_input_files(two)
    page.get_by_role("button", name="Analyse").click()
    assert send(page, "Read the right one") == "two.png"
    assert page.get_by_text("only the right part was read").first.is_visible()


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_film_can_be_dropped_or_pasted(visit, film, how):
    page = visit()
    page.goto("/")
    seen = give(page, how, film)
    assert how == "paste" or seen == "dashed", "where it may be dropped can be seen"
    assert facts(page).startswith("фото 1.png PNG")
    assert "drop" not in page.locator("#upload").get_attribute("class").split()
    assert send(page) == "фото 1.png"


def test_an_example_is_read_by_one_click_whatever_was_chosen(visit, film):
    page = visit()
    page.goto("/")
    assert send(page, "Normal, a child") == "example_child_normal.jpg"
    page.go_back()
    page.get_by_label("Chest radiograph").set_input_files(film)
    facts(page)
    page.get_by_role("button", name="Remove").click()
    assert page.locator(".examples").is_visible() and page.locator("#film").is_hidden()
    assert page.locator(":focus").get_attribute("id") == "file"
    page.get_by_role("button", name="Analyse").click()
    assert "Choose a radiograph first" in page.locator("#objection").inner_text()
    assert page.url.endswith("/")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("letter.pdf", b"%PDF-1.7 " + bytes(600), "PDF will be refused. Send the radiograph as PNG, JPEG or DICOM."),
        ("film.png", b"\x89PNG\r\n\x1a\n" + bytes(33 * 2**20), "it has 33.1 MiB, and at most 32 MiB are read"),
        ("film.dcm", bytes(128) + b"DICM" + bytes(99), "modality"),
    ],
    ids=["type", "too heavy", "the server's words"],
)
def test_what_will_be_refused_is_said_and_cannot_be_sent(visit, tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    page = visit()
    page.goto("/")
    page.get_by_label("Chest radiograph").set_input_files(path)
    page.locator("#objection:not(:empty)").wait_for()
    assert words in page.locator("#objection").inner_text()
    assert page.get_by_label("Chest radiograph").get_attribute("aria-invalid") == "true"
    assert page.locator("#film").is_hidden()
    assert page.locator("#facts bdi").inner_text() == name
    page.get_by_role("button", name="Analyse", disabled=True).click(force=True)
    assert page.locator("#upload.busy").count() == 0 and page.url.endswith("/")


def test_while_a_film_is_read_the_button_says_so_and_sends_it_once(visit, film):
    page, sent = visit(), []
    page.route("**/query", lambda route: sent.append(route))  # never answered
    page.goto("/")
    page.get_by_label("Chest radiograph").set_input_files(film)
    page.get_by_role("button", name="Analyse").click()
    busy = page.get_by_role("button", name="Reading the radiograph")
    assert busy.get_attribute("aria-disabled") == "true"
    assert "Reading" in page.locator("#progress").inner_text()
    busy.click(force=True)
    assert len(sent) == 1
    sent[0].fulfill(status=429)
    page.get_by_text("No answer came").wait_for()


def test_without_its_script_the_form_reads_files_and_examples(visit, film):
    page = visit(java_script_enabled=False)
    page.goto("/")
    for hint in page.locator("[data-script]").all():
        assert hint.is_hidden()
    page.get_by_label("Chest radiograph").set_input_files(film)
    assert send(page) == "фото 1.png"
    page.goto("/")
    assert send(page, "COVID-19 a radiograph it gets wrong") == "example_covid_missed.jpg"
    page.goto("/")
    page.get_by_role("button", name="Analyse").click()
    page.get_by_text("No picture came with the form").wait_for()
