"""Windows of a real browser, Debian's Chromium driven by Playwright, onto the application with the real models."""

import os
import shutil
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.server import serving
from tests.browser.batch_page import png, write

# Elsewhere a machine may lack a browser; on CI that is a mistake, which skipped tests would hide.
ON_CI = os.environ.get("CI") == "true"
absent = pytest.fail if ON_CI else pytest.skip

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# As root, without a graphics card, and without looking up anybody's hosts.
FLAGS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync""".split()
# A busy machine may take a minute for what is done in a second.
PATIENCE_MS = 120_000


@pytest.fixture(scope="session")
def address():
    """The application as it is run, by gunicorn in a process of its own: pages that are left early are its to end."""
    if not any((ROOT / "model").glob("*/metadata.json")):
        absent("needs the artefacts of model/: run `make models`")
    with serving() as server:
        yield server.url


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        absent("needs Chromium: apt-get install chromium")
    playwright = (
        import_module("playwright.sync_api")
        if ON_CI
        else pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    )
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, address):
    """Open a visitor's window; at the end nothing was complained of and no other host was asked."""
    contexts, complaints = [], []

    def open_window(width=1280, height=800, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, base_url=address, **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: elsewhere(request.url))
        return page

    def elsewhere(url):
        if not url.startswith((address, f"blob:{address}", "data:")):
            complaints.append(f"asked another host: {url}")

    yield open_window
    for context in contexts:
        context.close()
    # Chromium reports each refused request by itself; the refusals are what some tests are about.
    assert [text for text in complaints if "the server responded with a status of 4" not in text] == []


@pytest.fixture(scope="session")
def film(radiograph, tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "фото 1.png"
    path.write_bytes(cv2.imencode(".png", radiograph())[1].tobytes())
    return path


@pytest.fixture
def mixed(radiograph, tmp_path):
    """Two films, a negative, and four files that cannot be read; sorted by name."""
    return write(
        tmp_path / "ward",
        a__png=png(radiograph(seed=1)),
        b__png=png(radiograph(seed=2)),
        empty__png=b"",
        letter__txt=b"Dear radiologist",
        negative__png=png(255 - radiograph(seed=3)),
        photo__png=png(np.repeat(np.uint8([[[200, 60, 20]], [[20, 60, 200]]]), 150, 0).repeat(300, 1)),
        torn__png=png(radiograph(seed=1))[:5000],
    )
