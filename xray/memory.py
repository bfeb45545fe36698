"""Keeping the process small: freed pictures go back to the operating system."""

import ctypes
import sys
from pathlib import Path

MADV_DONTNEED = 4  # madvise(2), from Linux's mman-common.h
# Parameters of mallopt(3), from glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
# Blocks that are larger, such as whole pictures as they were sent, are mapped one by one and unmapped when freed. What
# is drawn of them is smaller, and that much is kept for the next: to map all of it anew took 24 ms of processor time
# a request (9,448 page faults; now 274). glibc would raise this limit by itself to 32 MiB.
KEPT_BYTES = 8 * 1024 * 1024
# Each thread would otherwise keep a heap of its own.
HEAPS = 1


def return_what_is_freed() -> None:
    """Tell glibc's allocator to keep little of what is freed; where there is no glibc, nothing is done."""
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(M_ARENA_MAX, HEAPS)


def forget_read_files(folder: Path) -> None:
    """Give back the memory of a folder's files that a library keeps mapped after it has read them.

    LiteRT packs a network's weights into memory of its own and never looks at the file again: 15 MB for the VGG16.
    Whoever does look finds it read anew.

    Args:
        folder: all files below it.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        addresses, rights, *_, path = line.split(maxsplit=5)
        # Only what cannot have been written to: anything else would lose what was.
        if rights.startswith("r--") and path.startswith(f"{folder.resolve()}/"):
            start, end = (int(address, 16) for address in addresses.split("-"))
            library.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_DONTNEED)
