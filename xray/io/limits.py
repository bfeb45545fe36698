"""Limits on files and images, checked before they cost memory."""

from dataclasses import dataclass

from xray.errors import ImageTooLargeError, UnreadableImageError, UnsupportedImageError


@dataclass(frozen=True)
class Limits:
    """The largest and the smallest image that is read.

    Attributes:
        size_bytes: of the file.
        pixels: of 8-bit colour, the most expensive common kind. The largest digital radiograph, 43 x 35 cm at
            0.1 mm, has 15 million. Reading 50 million in colour took 331 MB when measured, and small hosts have
            512 MB in total.
        min_side: in pixels.
    """

    size_bytes: int = 32 * 2**20
    pixels: int = 25_000_000
    min_side: int = 64


DEFAULT_LIMITS = Limits()


def check_size(height: int, width: int, limits: Limits) -> None:
    """Refuse an image by the size that its header states.

    Args:
        height: in pixels.
        width: in pixels.
        limits: what is refused.

    Raises:
        UnreadableImageError: no pixels.
        ImageTooLargeError: more than limits.pixels.
        UnsupportedImageError: a side under limits.min_side.
    """
    received = f"{width} x {height}"
    if height < 1 or width < 1:
        raise UnreadableImageError(
            "Expected a picture with pixels, received %(received)s. Please export it again.", received=received
        )
    if height * width > limits.pixels:
        raise ImageTooLargeError(
            "Expected at most %(millions)s million pixels, received %(received)s. Please export it smaller.",
            millions=limits.pixels / 1e6,
            received=received,
        )
    if min(height, width) < limits.min_side:
        raise UnsupportedImageError(
            "Expected at least %(least)s pixels a side, received %(received)s. Please send the full picture.",
            least=limits.min_side,
            received=received,
        )
