"""What is refused before it costs memory."""

from dataclasses import dataclass

from xray.errors import ImageTooLargeError, UnreadableImageError, UnsupportedImageError


@dataclass(frozen=True)
class Limits:
    """The largest and the smallest picture that is read.

    Attributes:
        size_bytes: of the file.
        pixels: of 8-bit colour, the costliest that is usual. The largest digital film, 43 x 35 cm at 0.1 mm,
            has 15 million; reading 50 million in colour was measured to take 331 MB, and small hosts give
            512 MB in all.
        min_side: in pixels.
    """

    size_bytes: int = 32 * 2**20
    pixels: int = 25_000_000
    min_side: int = 64


DEFAULT_LIMITS = Limits()


def check_size(height: int, width: int, limits: Limits) -> None:
    """Refuse a picture by the size its header states.

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
