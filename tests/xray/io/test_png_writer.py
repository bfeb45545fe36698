"""PNG files that any reader takes for the picture that was written."""

import cv2
import numpy as np
import pytest

from xray.io.png import ROWS, encode_png

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("height", [1, ROWS, 2 * ROWS + 3])
def test_what_is_written_is_read_again(channels: int, height: int) -> None:
    shape = (height, 37) if channels == 1 else (height, 37, channels)
    picture = RNG.integers(0, 256, shape, np.uint8)
    read = cv2.imdecode(np.frombuffer(encode_png(picture), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read, picture)


def test_black_and_white_takes_an_eighth_of_the_room() -> None:
    mask = RNG.random((2 * ROWS + 3, 37)) > 0.5
    content = encode_png(mask)
    np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED), mask * 255)
    assert len(content) < mask.size / 6
