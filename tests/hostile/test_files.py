"""One table of hostile files, each sent through every door of the real application.

Each gets a refusal with a reason, or a reading; never an error of ours, and of what is refused nothing is left.
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
# What each is answered with. "read" stands for a film that is whole under all that hangs on it.
TABLE = {
    "png bomb, 400 million pixels in 50 kB": 413,
    "png bomb just inside the limit": 422,
    "png of 16-bit colour with alpha, 25 million pixels": 413,
    "png of 2**31 pixels a side": 413,
    "png with a text that inflates": READ,
    "png with a profile that inflates": READ,
    "png of one row": 415,
    "png of one column": 415,
    "png without pixels": 400,
    "png without data": 400,
    "png whose data end early": 400,
    "png of unknown filters": 400,
    "png cut": 400,
    "png with one bit flipped": 400,
    "png with one bit flipped and a right checksum": 400,
    "png of an impossible depth": 400,
    "png animated": 415,
    "png of a hundred thousand chunks": 400,
    "png with a page behind it": READ,
    "png with a zip behind it": READ,
    "png with a turn that leads nowhere": READ,
    "png with a palette and no colours": 400,
    "jpeg bomb of 65,500 pixels a side": 413,
    "jpeg that claims more than it holds": 422,
    "jpeg of one row": 415,
    "jpeg without pixels": 400,
    "jpeg cut": 400,
    "jpeg cut, with an end put behind": 422,
    "jpeg with one bit flipped": READ,
    "jpeg with broken tables": 400,
    "jpeg of 12 bits": 415,
    "jpeg in arithmetic code": 415,
    "jpeg without loss": 415,
    "jpeg without its scan": 400,
    "jpeg of two frames": 400,
    "jpeg of a thousand scans": 415,
    "jpeg of a hundred thousand segments": 400,
    "jpeg whose segment ends nowhere": 400,
    "jpeg with a page behind it": READ,
    "jpeg with a page in its remark": READ,
    "jpeg with a name, a place and a broken directory": READ,
    "dicom bomb of 65,535 pixels a side": 413,
    "dicom bomb in JPEG 2000": 400,
    "dicom bomb in run lengths": 422,
    "dicom bomb, deflated": 415,
    "dicom of a JPEG of another size": 400,
    "dicom of a JPEG that is cut": 400,
    "dicom of one row": 415,
    "dicom without pixels": 400,
    "dicom cut": 400,
    "dicom cut in its header": 400,
    "dicom with a byte flipped before the picture": READ,
    "dicom whose slope is no number": 400,
    "dicom whose slope is endless": 400,
    "dicom whose intercept is no number": 400,
    "dicom whose window is no number": 400,
    "dicom whose window is endless": 400,
    "dicom whose window has no width": READ,
    "dicom whose spacing is no number": READ,
    "dicom whose spacing is endless": READ,
    "dicom of floats that are no numbers": 400,
    "dicom in colour": 415,
    "dicom that is grey by name and colour by number": 415,
    "dicom in colours of television": 415,
    "dicom with a palette": 415,
    "dicom of no known greys": 415,
    "dicom without its greys": 400,
    "dicom without its size": 400,
    "dicom without its bits": 400,
    "dicom without its picture": 400,
    "dicom of less than it claims": 400,
    "dicom of 32 bits": 415,
    "dicom of more bits than it has": 400,
    "dicom of a thousand frames": 415,
    "dicom of frames that are no number": 400,
    "dicom of another modality": 415,
    "dicom of a modality without end": 400,
    "dicom of greys without end": 400,
    "dicom of a compression without end": 415,
    "dicom with an empty table": 400,
    "dicom with a table of one": 422,
    "dicom of twenty thousand tags": READ,
    "dicom of three million tags": 400,
    "dicom of a sequence of a million items": 400,
    "dicom of a table of a million items": 400,
    "dicom of a million fragments": 400,
    "dicom of a million windows": 400,
    "dicom of a million slopes": 400,
    "dicom of a million spacings": 400,
    "dicom of a million paddings": 400,
    "dicom of a short sequence of many items": 400,
    "dicom of eight million alphabets": 400,
    "dicom of fillers in run lengths": 400,
    "dicom of sequences without end": 400,
    "dicom without its preamble": 400,
    "dicom that begins as a program": READ,
    "dicom that begins as a page": READ,
    "dicom that begins as a JPEG": READ,
    "nothing": 400,
    "one byte": 400,
    "the start of a JPEG alone": 400,
    "the start of a PNG alone": 400,
    "the start of DICOM alone": 400,
    "noise": 400,
    "zeros, 31 MiB": 400,
    "an SVG with a script": 415,
    "an SVG of entities": 415,
    "a page": 400,
    "a program": 400,
    "a GIF": 415,
    "a PDF": 415,
    "a TIFF": 415,
    "a zip": 415,
    "a zip bomb": 415,
    "a zip with a PNG's start": 400,
}
REASON = re.compile(r'role="alert"[^>]*>(.*?)</div>', re.DOTALL)
# What some of the files carry beside their pixels.
CARRIED = (b"<script", b"<html", b"PK\x03\x04", b"DOE^JANE", b"Jane Doe", b"4711", b"Exif", b"alert(")


@pytest.fixture(scope="module")
def files(grey):
    return hostile_pngs(grey) | hostile_jpegs(grey) | hostile_dicoms(grey) | hostile_others(grey)


def test_the_table_is_whole(files):
    assert set(TABLE) == set(files) and len(TABLE) >= 60


@pytest.mark.parametrize("name", TABLE)
def test_a_hostile_file_is_refused_with_a_reason_or_read(house, post, bounded, files, name):
    status, before, visitor = TABLE[name], house.kept(), house.visitor()
    page = post(visitor, "/query", files[name], model="both")
    answer = post(visitor, "/api/v1/analyses", files[name], model="both")
    row = post(visitor, "/batch/one", files[name], model="both", function="classify")
    look = post(visitor, "/preview", files[name])
    assert (page.status_code, answer.status_code, row.status_code) == (status, 201 if status == READ else status, 200)
    assert len(page.data) + len(answer.data) + len(row.data) < 200_000
    assert "<script>alert" not in page.text
    if status == READ:
        assert row.json["id"] and look.mimetype == "image/jpeg"
        assert_kept_without_what_hung_on_it(house, house.kept() - before)
        assert visitor.delete(answer.json["url"]).status_code == 204
        visitor.post("/analyses/delete")
    else:
        # Only the look does not ask whether there are lungs.
        assert look.status_code in (status, READ)
        reason = re.sub(r"<[^>]+>|\s+", " ", REASON.search(page.text)[1]).strip()
        assert len(reason) > 40 and len(row.json["error"]) > 30 and len(answer.json["detail"]) > 30
    assert house.kept() == before


@pytest.mark.parametrize("name", [name for name, status in TABLE.items() if status == 422])
def test_a_refused_picture_is_let_go_at_once(house, post, files, name):
    visitor = house.visitor()
    post(visitor, "/query", b"", model="both")
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        assert post(visitor, "/query", files[name], model="both").status_code == 422
        gc.collect()
        frames = [each for each in gc.garbage if isinstance(each, FrameType)]
        # Else pictures would pile up until Python looks for circles: 97 MB each, the largest.
        assert not [each for each in frames if any(isinstance(v, np.ndarray) for v in each.f_locals.values())]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def assert_kept_without_what_hung_on_it(house, new):
    assert len([each for each in new if each.startswith("row ")]) == 3
    for path in (each for each in new if not each.startswith("row ")):
        with open(path, "rb") as file:
            content = file.read()
        assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) is not None
        assert not [carried for carried in CARRIED if carried in content]
