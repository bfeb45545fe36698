"""Take the pictures of README.md, docs/result.png and docs/walk.png, of the application as it stands.

    python -m tests.browser.pictures

A step of the maintainer, after pages have changed. It needs Chromium, as the browser tests do.
"""

from collections.abc import Iterator
from io import BytesIO

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.server import serving
from tests.browser.conftest import CHROMIUM, FLAGS, PATIENCE_MS, ROOT

DOCS = ROOT / "docs"
WIDTH, HEIGHT, SMALL, COLOURS = 1280, 800, (800, 500), 256
EXAMPLE = "covid_1"
# How long each screen of the walk is shown, in milliseconds.
SHOWN = {"form": 1600, "example": 500, "result": 2200, "heat of model 1": 1400, "heat of model 2": 1200,
         "plain radiograph": 1200, "side by side": 1900}  # fmt: skip


def main() -> None:
    """Take both pictures."""
    with serving() as server, sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = chromium.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, base_url=server.url, color_scheme="light", locale="en"
        )
        page.set_default_timeout(PATIENCE_MS)
        taken = {name: Image.open(BytesIO(page.screenshot())).convert("RGB") for name in walk(page)}
        chromium.close()
    taken["result"].quantize(COLOURS).save(DOCS / "result.png", optimize=True)
    first, *others = (taken[name].resize(SMALL, Image.Resampling.LANCZOS) for name in SHOWN)
    how = {"save_all": True, "append_images": others, "duration": list(SHOWN.values()), "loop": 0}
    first.save(DOCS / "walk.png", optimize=True, **how)


def walk(page: Page) -> Iterator[str]:
    """Read an example as a visitor does, and stop at each screen of SHOWN."""
    page.goto("/")
    page.wait_for_load_state("networkidle")
    yield "form"
    example = page.locator(f"button[value={EXAMPLE}]")
    example.hover()
    yield "example"
    example.click()
    page.locator(".viewer .film").wait_for()
    page.wait_for_load_state("networkidle")
    page.mouse.move(0, 0)
    yield "result"
    for number in (1, 2):
        page.get_by_role("radio", name=f"Heat of Model {number}").check()
        yield f"heat of model {number}"
    page.get_by_role("radio", name="Opacity").check()
    plain = page.get_by_role("button", name="Hold: plain radiograph")
    plain.hover()
    page.mouse.down()
    yield "plain radiograph"
    page.mouse.up()
    page.get_by_role("button", name="Side by side").click()
    yield "side by side"


if __name__ == "__main__":
    main()
