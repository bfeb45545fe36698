"""Memory of the process: what is freed goes back to the operating system."""

import ctypes
import sys
from pathlib import Path

MADV_DONTNEED = 4  # madvise(2), from Linux's mman-common.h
# Parameters of mallopt(3), from glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
# Larger blocks, such as whole images as they were sent, are mapped one by one and unmapped when freed. Drawings are
# smaller, and so much memory is kept for the next ones: mapping all of it anew took 24 ms of processor time a request
# (9,448 page faults; now 274). Left alone, glibc would raise this limit to 32 MiB.
KEPT_BYTES = 8 * 1024 * 1024
# Otherwise each thread would keep a heap of its own.
HEAPS = 1


def configure_malloc() -> None:
    """Make glibc's allocator return freed memory; without glibc nothing is done."""
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(M_ARENA_MAX, HEAPS)


def release_mapped_files(folder: Path) -> None:
    """Free the memory of files that a library keeps mapped after reading them.

    LiteRT copies a network's weights into memory of its own and never reads the file again: 15 MB for the VGG16.
    A page that is needed after all is read from the file again.

    Args:
        folder: all files below it.
    """
    if sys.platform != "linux":
        return
    library, within = ctypes.CDLL(None), f"{folder.resolve()}/"
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        addresses, rights, *_, path = line.split(maxsplit=5)
        # Only read-only mappings: a writable one would lose what was written to it.
        if rights.startswith("r--") and path.startswith(within):
            start, end = (int(address, 16) for address in addresses.split("-"))
            library.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_DONTNEED)
