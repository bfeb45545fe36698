"""JPEG 2000: values as pydicom gives them, and the bounds of the child process that decodes."""

import os
import signal
import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread, uid
from pydicom.encaps import get_frame

from tests.hostile.jpeg_2000_files import coding, part, size, steps, stream
from tests.xray.io.files import STORED, dicom_file
from xray.io import child, jpeg_2000
from xray.io.child import Child, DecodingError


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("bits", "kind"), [(8, "u1"), (12, "u2"), (12, "i2"), (16, "u2"), (16, "i2")])
def test_values_are_those_of_pydicom(bits: int, kind: str, signed: bool) -> None:
    whole = (STORED >> (12 - bits) if bits < 12 else STORED << (bits - 12)).astype(np.int32)
    stored = (whole - 2 ** (bits - 1) if kind[0] == "i" else whole).astype(kind)
    dataset = dcmread(BytesIO(dicom_file(stored, PixelRepresentation=int(kind[0] == "i"), BitsStored=bits)))
    dataset.HighBit = bits - 1
    dataset.compress(uid.JPEG2000Lossless, generate_instance_uid=False)
    dataset.PixelRepresentation = int(signed)
    dataset.pixel_array_options(correct_unused_bits=False)
    found = jpeg_2000.decode(get_frame(dataset.PixelData, 0, number_of_frames=1), STORED.shape, signed=signed)
    np.testing.assert_array_equal(found, dataset.pixel_array)
    assert found.dtype == dataset.pixel_array.dtype


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
def test_what_takes_gigabytes_ends_the_child_and_the_next_file_is_read():
    # 4 million precincts: 400 bytes that took 2.2 GB and 5 s.
    ones = Child()
    with pytest.raises(DecodingError):
        ones.decode(stream(size(2000, 2000), coding(levels=0, precinct=0), steps(0)))
    assert len(ones.decode(stream(size(200, 200), coding(), steps(), parts=part(bytes(300))))) == 40_000
    ones.end()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
def test_what_takes_too_long_ends_the_child() -> None:
    script = f"import runpy\nrunpy.run_path({child.__file__!r})['_limit_time'](0.1)\nwhile True: pass"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == -signal.SIGPROF


def test_a_child_that_was_killed_is_replaced() -> None:
    ones, good = Child(), stream(size(200, 200), coding(), steps())
    ones.decode(good)
    assert ones._process
    os.kill(ones._process.pid, signal.SIGTERM)
    ones._process.wait()
    assert len(ones.decode(good)) == 40_000
    ones.end()
