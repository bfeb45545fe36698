"""The pages of one film and of many, as a person works them."""

import csv
import io
import struct
import zipfile
from pathlib import Path

import cv2

# On a busy machine a film may take half a minute, and there are 48.
LONG_MS = 3_600_000
VERDICTS = {"POSITIVE", "NEGATIVE", "INCONCLUSIVE"}
# A finding with its verdict, as a table says them.
SAID = rf"(Looks (normal|like .+)|Abnormal|Undecided) ({'|'.join(VERDICTS)})( for COVID-19)?"


def png(picture):
    return cv2.imencode(".png", picture)[1].tobytes()


def packed(*members, method=zipfile.ZIP_DEFLATED):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data, None if isinstance(name, zipfile.ZipInfo) else method)
    return content.getvalue()


def locked(data):
    """Mark the only file of an archive as locked with a password."""
    at = data.index(b"PK\x01\x02") + 8
    return data[:at] + struct.pack("<H", struct.unpack_from("<H", data, at)[0] | 1) + data[at + 2 :]


def write(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    return sorted(folder.iterdir())


def analyse(page, file, model="both"):
    """Send a film through the form, and wait until the result is there with its styles and pictures."""
    page.goto("/")
    page.get_by_label("Chest radiograph").set_input_files(file)
    page.get_by_label("Model", exact=True).select_option(model)
    with page.expect_navigation(wait_until="load"):
        page.get_by_role("button", name="Analyse").click()


def start(page, files, function="classify", model="both", label="Pictures or zips"):
    page.goto("/batch")
    page.get_by_label(label).set_input_files(files)
    page.locator(f"[name=function][value={function}]").check()
    if function != "mask":
        page.get_by_label("Model", exact=True).select_option(model)
    page.get_by_role("button", name="Start").click(no_wait_after=True)


def finish(page, timeout=None):
    """Wait for the end, and return the cells of every row."""
    page.get_by_role("link", name="Start another batch").wait_for(timeout=timeout)
    return cells(page)


def cells(page):
    rows = page.locator("#rows tr:not([hidden])").all()
    return [[" ".join(text.split()) for text in row.locator("td, th").all_inner_texts()] for row in rows]


def names(page):
    return page.locator("#rows tr:not([hidden]) .name").all_inner_texts()


def download(page, button):
    with page.expect_download() as caught:
        page.get_by_role("button", name=button).click()
    return Path(caught.value.path()).read_bytes()


def lines(data):
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
