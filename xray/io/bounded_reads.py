"""DICOM file in memory with a limit on reads, against files made to be slow."""

from io import BytesIO

from xray.errors import damaged

# A tenth of a second. Real radiographs take hundreds of reads, with large private sequences some thousands.
MOST_READS = 50_000
# Bytes of a list of character sets: pydicom looks each one up, wherever it meets them.
LONGEST_CHARACTER_SET = 4096
_CHARACTER_SET = b"\x08\0\x05\0", b"\0\x08\0\x05"  # its tag, little and big endian
_LONGEST_HEADER = 12


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
