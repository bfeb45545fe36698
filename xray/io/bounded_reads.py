"""A DICOM file in memory that is given up when reading it would cost more than any film does."""

from io import BytesIO

from xray.errors import damaged

# A tenth of a second; real films take hundreds, with large private sequences some thousands.
MOST_READS = 50_000
# Of names of alphabets: pydicom looks each up, wherever it meets them.
LONGEST_CHARACTER_SET = 4096
_CHARACTER_SET = b"\x08\0\x05\0", b"\0\x08\0\x05"  # its tag, little and big endian
_LONGEST_HEADER = 12


class BoundedReads(BytesIO):
    """The content of a file, which can be read in so many steps.

    Measured without a bound: 8 MB of empty items took 39 s and 1.3 GB. The steps are counted here, and not the
    elements: so sequences, their items and the fragments of a picture count too.
    """

    def __init__(self, data: bytes) -> None:
        """Begin at the start, with nothing read."""
        super().__init__(data)
        self._left = MOST_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """Read some bytes.

        Raises:
            UnreadableImageError: that was once too often, or it is an endless list of alphabets.
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
