"""Arrays that take long to compute, kept in runs/cache under the hash of all that they depend on."""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.config import RUNS

FOLDER = RUNS / "cache"
WAIT_SECONDS = 1

Arrays = dict[str, NDArray[Any]]


def digest(*parts: object) -> str:
    """Return a hash of some values: of a path the content of its file, of anything else its `repr`."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.read_bytes() if isinstance(part, Path) else repr(part).encode())
        found.update(b"\0")
    return found.hexdigest()[:16]


def arrays(name: str, parts: tuple[object, ...], make: Callable[[], Mapping[str, NDArray[Any]]]) -> Arrays:
    """Return named arrays, computed once.

    Where several processes train together, the first computes them for all.

    Args:
        name: of the entry, for people.
        parts: all that the arrays depend on; see `digest`.
        make: computes them.

    Returns:
        The arrays, memory-mapped.
    """
    folder = FOLDER / f"{name}-{digest(*parts)}"
    while not folder.exists() and int(os.environ.get("KERAS_DISTRIBUTION_PROCESS_ID", "0")) > 0:
        time.sleep(WAIT_SECONDS)
    if not folder.exists():
        part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for key, values in make().items():
            np.save(part / f"{key}.npy", values)
        part.rename(folder)
    return {path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))}
