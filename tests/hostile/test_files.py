"""Hostile files, each sent to every address of the real application that takes one.

Each gets a refusal with a reason, or a reading; never an error of ours, and of what is refused nothing is kept.
"""

import gc
import re
from types import FrameType

import cv2
import numpy as np
import pytest

from tests.hostile.dicom_files import hostile_dicoms
from tests.hostile.jpeg_files import hostile_jpegs
from tests.hostile.other_files import hostile_others
from tests.hostile.png_files import hostile_pngs

READ = 200
REASON = re.compile(r'role="alert"[^>]*>(.*?)</div>', re.DOTALL)
# What some of the files carry beside their pixels.
CARRIED = (b"<script", b"<html", b"PK\x03\x04", b"DOE^JANE", b"Jane Doe", b"4711", b"Exif", b"alert(")


@pytest.fixture(scope="module")
def files(grey):
    """Each file's name, the status that answers it, and its bytes."""
    return hostile_pngs(grey) | hostile_jpegs(grey) | hostile_dicoms(grey) | hostile_others(grey)


def test_hostile_files_are_refused_with_a_reason_or_read(house, post, bounded, files, subtests):
    visitor = house.visitor()
    for name, (status, data) in files.items():
        with subtests.test(name), bounded():
            before = house.kept()
            page, look = post(visitor, "/query", data, model="both"), post(visitor, "/preview", data)
            assert page.status_code == status and "<script>alert" not in page.text and len(page.data) < 100_000
            if status == READ:
                assert look.mimetype == "image/jpeg"
                assert_kept_without_what_hung_on_it(house.kept() - before)
                visitor.post("/analyses/delete")
            else:
                # Only the preview does not ask whether there are lungs.
                assert look.status_code in (status, READ)
                assert len(re.sub(r"<[^>]+>|\s+", " ", REASON.search(page.text)[1]).strip()) > 40
            assert house.kept() == before


def test_a_refused_picture_is_let_go_at_once(house, post, files):
    visitor = house.visitor()
    post(visitor, "/query", b"", model="both")
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for name, (status, data) in files.items():
            if status == 422:
                assert post(visitor, "/query", data, model="both").status_code == status, name
        gc.collect()
        frames = [each for each in gc.garbage if isinstance(each, FrameType)]
        # Else images would pile up until Python looks for reference cycles: 97 MB each, the largest.
        assert not [each for each in frames if any(isinstance(v, np.ndarray) for v in each.f_locals.values())]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def assert_kept_without_what_hung_on_it(new):
    assert len([each for each in new if each.startswith("row ")]) == 1
    for path in (each for each in new if not each.startswith("row ")):
        with open(path, "rb") as file:
            content = file.read()
        assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) is not None
        assert not [carried for carried in CARRIED if carried in content]
