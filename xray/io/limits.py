"""Limits on files, images and reads, checked before they cost memory or time."""

import math
from dataclasses import dataclass
from io import BytesIO

from xray.errors import ImageTooLargeError, UnreadableImageError, UnsupportedImageError, damaged

# A tenth of a second. Real radiographs take hundreds of reads, with large private sequences some thousands.
MOST_READS = 50_000
# Bytes of a list of character sets: pydicom looks each one up, wherever it meets them.
LONGEST_CHARACTER_SET = 4096
_CHARACTER_SET = b"\x08\0\x05\0", b"\0\x08\0\x05"  # its tag, little and big endian
_LONGEST_HEADER = 12


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


def mib(size_bytes: int) -> float:
    """Return a size in MiB for a message, rounded up to tenths: a file just above a limit must not look equal to it."""
    return math.ceil(size_bytes / 2**20 * 10) / 10


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


class BoundedReads(BytesIO):
    """The content of a file, which can be read MOST_READS times.

    Measured without a limit: 8 MB of empty items took 39 s and 1.3 GB. Reads are counted rather than elements, so that
    sequences, their items and the fragments of an image count too.
    """

    def __init__(self, data: bytes) -> None:
        """Start with nothing read."""
        super().__init__(data)
        self._left = MOST_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """Read some bytes.

        Raises:
            UnreadableImageError: too many reads, or too long a list of character sets.
        """
        self._left -= 1
        if self._left < 0 or (size and size > LONGEST_CHARACTER_SET and self._at_character_set()):
            raise damaged("DICOM radiograph")
        return super().read(size)

    def _at_character_set(self) -> bool:
        at = self.tell()
        with self.getbuffer() as content:
            header = bytes(content[max(0, at - _LONGEST_HEADER) : at])
        return any(tag in header for tag in _CHARACTER_SET)
