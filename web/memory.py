"""Keeping the process small: freed pictures go back to the operating system."""

import ctypes
import sys

# Parameters of mallopt(3), from glibc's malloc.h.
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
# Larger blocks, which is to say pictures, are mapped one by one and unmapped when freed. glibc would raise this
# limit by itself to 32 MiB and keep them.
MAPPED_FROM_BYTES = 1024 * 1024
# Each thread would otherwise keep a heap of its own.
HEAPS = 2


def return_what_is_freed() -> None:
    """Tell glibc's allocator to keep nothing large; where there is no glibc, nothing is done.

    Measured on eight threads after 20 full-size pictures: 188 MB resident instead of 441 MB.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(M_MMAP_THRESHOLD, MAPPED_FROM_BYTES)
        mallopt(M_ARENA_MAX, HEAPS)
