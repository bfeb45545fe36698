"""The form in a real browser: every way in, the look before sending, and the same without its script."""

import base64
import re

import cv2
import numpy as np
import pytest

from tests.browser.batch_page import VERDICTS
from xray.io import image

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


def send(page):
    with page.expect_navigation(wait_until="load"):
        page.get_by_role("button", name="Analyse").click()
    assert set(page.locator(".reading .word").all_inner_texts()) <= VERDICTS
    return page.get_by_role("heading", level=1).inner_text()


@pytest.fixture
def sixteen_bits(radiograph, tmp_path):
    path = tmp_path / "deep.png"
    path.write_bytes(cv2.imencode(".png", radiograph(600, 500).astype(np.uint16) * 16)[1].tobytes())
    return path


def test_browse(visit, film):
    page = visit()
    page.goto("/")
    page.get_by_label("Chest radiograph").set_input_files(film)
    assert re.fullmatch(r"фото 1\.png PNG · \d+ KiB · 480 × 512 px", facts(page))
    assert page.locator("#drawing").is_hidden() and page.locator("#objection").inner_text() == ""
    assert send(page) == "фото 1.png"


def test_the_preview_is_turned_as_the_film_will_be(visit, film):
    page = visit()
    page.goto("/")
    page.get_by_label("Chest radiograph").set_input_files(film)
    facts(page)
    page.get_by_label("Turn it first").select_option("90")
    assert page.locator("#film").evaluate("each => getComputedStyle(each).rotate") == "90deg"
    page.get_by_label("Turn it first").select_option("0")
    assert page.locator("#film").evaluate("each => getComputedStyle(each).rotate") == "none"


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_film_can_be_dropped_or_pasted(visit, film, how):
    page = visit()
    page.goto("/")
    seen = give(page, how, film)
    assert how == "paste" or seen == "dashed", "where it may be dropped can be seen"
    assert facts(page).startswith("фото 1.png PNG")
    assert "drop" not in page.locator("#upload").get_attribute("class").split()
    assert send(page) == "фото 1.png"


def test_example(visit, film):
    page = visit()
    page.goto("/")
    page.get_by_label("Chest radiograph").set_input_files(film)
    facts(page)
    page.get_by_label("normal films").check()
    page.locator("#film[src$='average_normal.png']").wait_for()
    assert page.get_by_label("Chest radiograph").input_value() == "", "one picture at a time"
    assert page.locator("#facts").inner_text() == "Average of 500 normal films, nobody’s picture"
    assert send(page) == "example_average_normal.png"


def test_a_file_takes_the_place_of_an_example_and_both_can_be_taken_back(visit, film):
    page = visit()
    page.goto("/")
    page.get_by_label("normal films").check()
    page.get_by_label("Chest radiograph").set_input_files(film)
    facts(page)
    assert not page.get_by_label("normal films").is_checked()
    page.get_by_role("button", name="Remove").click()
    assert page.locator("#drawing").is_visible() and page.locator("#film").is_hidden()
    assert page.locator(":focus").get_attribute("id") == "file"
    page.get_by_role("button", name="Analyse").click()
    assert "Choose a chest radiograph or an example first" in page.locator("#objection").inner_text()
    assert page.url.endswith("/")


def test_dicom_and_sixteen_bits_are_shown_by_the_server(visit, sixteen_bits, real_data):
    page = visit()
    page.goto("/")
    page.get_by_label("Chest radiograph").set_input_files(sixteen_bits)
    assert facts(page).endswith("500 × 600 px")
    assert page.locator("#film").evaluate("film => film.decode().then(() => film.naturalHeight)") == 512
    dicom = sorted((real_data / "dicom").glob("*.dcm"))[0]
    height, width = image.load(dicom.read_bytes()).image.shape
    page.get_by_label("Chest radiograph").set_input_files(dicom)
    page.get_by_text(re.compile(f"DICOM · .* {width} × {height} px")).wait_for()
    assert page.locator("#film").is_visible()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("letter.pdf", b"%PDF-1.7 " + bytes(600), "PDF will be refused. Send the radiograph as PNG, JPEG or DICOM."),
        ("film.png", b"Dear radiologist", "begins like no picture"),
        ("film.png", b"", "The file is empty"),
        ("film.png", b"\x89PNG\r\n\x1a\n" + bytes(33 * 2**20), "it has 33.1 MiB, and at most 32 MiB are read"),
        (
            "film.png",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (9000).to_bytes(4) * 2 + b"\x08\0\0\0\0" + bytes(99),
            "it has 9000 × 9000 pixels, and at most 25 million are read",
        ),
        ("film.dcm", bytes(128) + b"DICM" + bytes(99), "modality"),
    ],
    ids=["type", "no picture", "empty", "too heavy", "too many pixels", "the server's words"],
)
def test_what_will_be_refused_is_said_before_it_is_sent(visit, tmp_path, name, content, words):
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


def test_many_pictures_are_led_to_their_own_page(visit, film, sixteen_bits, tmp_path):
    page = visit()
    page.goto("/")
    give(page, "drop", film, sixteen_bits)
    assert "here one is read at a time" in page.locator("#objection").inner_text()
    zipped = tmp_path / "films.zip"
    zipped.write_bytes(b"PK\x03\x04" + bytes(99))
    page.get_by_label("Chest radiograph").set_input_files(film)
    facts(page)
    assert page.locator("#objection").inner_text() == ""
    page.get_by_label("Chest radiograph").set_input_files(zipped)
    page.locator("#objection").get_by_role("link", name="Many pictures at once").click()
    page.wait_for_url("**/batch**")


# The page stays, so that it can be looked at: the form's own listener comes before the document's.
STAY = """() => document.addEventListener('submit', event => {
  if (!event.defaultPrevented) document.body.dataset.sent = 1 + (+document.body.dataset.sent || 0);
  event.preventDefault();
})"""


def test_while_a_film_is_read_the_button_says_so_and_sends_it_once(visit):
    page = visit()
    page.goto("/")
    page.evaluate(STAY)
    page.get_by_label("normal films").check()
    page.get_by_role("button", name="Analyse").click()
    busy = page.get_by_role("button", name="Reading the film")
    assert busy.get_attribute("aria-disabled") == "true"
    assert "Reading" in page.locator("#progress").inner_text()
    busy.click(force=True)
    assert page.locator("body").get_attribute("data-sent") == "1"


def test_without_its_script_the_form_reads_files_and_examples(visit, film):
    page = visit(java_script_enabled=False)
    page.goto("/")
    for hint in page.locator("[data-script]").all():
        assert hint.is_hidden()
    page.get_by_label("Chest radiograph").set_input_files(film)
    assert send(page) == "фото 1.png"
    page.goto("/")
    page.get_by_label("films of COVID-19").check()
    page.get_by_label("Model", exact=True).select_option("both")
    assert send(page) == "example_average_covid.png"
    page.goto("/")
    page.get_by_role("button", name="Analyse").click()
    page.get_by_text("No picture came with the form").wait_for()
