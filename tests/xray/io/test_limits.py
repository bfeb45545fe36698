import pytest

from xray.errors import ImageError, ImageTooLargeError, UnreadableImageError, UnsupportedImageError
from xray.io.limits import Limits, check_size

DEFAULT = Limits()


@pytest.mark.parametrize(
    ("height", "width"), [(64, 64), (5000, 5000), (4300, 3500)], ids=["smallest", "largest", "film of 43 x 35 cm"]
)
def test_what_is_read(height: int, width: int) -> None:
    check_size(height, width, DEFAULT)


@pytest.mark.parametrize(
    ("height", "width", "limits", "error", "words"),
    [
        (0, 80, DEFAULT, UnreadableImageError, "80 x 0"),
        (-1, 80, DEFAULT, UnreadableImageError, "80 x -1"),
        (5000, 5001, DEFAULT, ImageTooLargeError, "at most 25 million pixels, received 5001 x 5000"),
        (80, 63, DEFAULT, UnsupportedImageError, "at least 64 pixels a side, received 63 x 80"),
        (80, 80, Limits(pixels=6399), ImageTooLargeError, "0.006399 million"),
        (80, 80, Limits(min_side=81), UnsupportedImageError, "81 pixels"),
    ],
)
def test_what_is_refused(height: int, width: int, limits: Limits, error: type[ImageError], words: str) -> None:
    with pytest.raises(error, match=words) as refusal:
        check_size(height, width, limits)
    assert refusal.type is error
