"""A limit on what a process and its children may hold, where Linux lets us set one (as root, with control groups)."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")


class Cage:
    """A control group; without one, nothing is limited and memory is only looked at.

    Attributes:
        enforced: whether the kernel keeps the limit.
    """

    def __init__(self, folder: Path | None, names: tuple[str, str]) -> None:
        self._folder, self._peak, self._failures = folder, *names
        self.enforced = folder is not None

    def enter(self) -> Callable[[], None] | None:
        """Return what a child does before it runs, so that it is inside; None without a group."""
        if self._folder is None:
            return None
        members = str(self._folder / "cgroup.procs")

        def inside() -> None:
            with open(members, "w", encoding="ascii") as file:
                file.write(str(os.getpid()))

        return inside

    def peak_mb(self) -> float | None:
        """Return the most that was held so far, files' cached pages included, in MiB; None if nobody counted."""
        if self._folder is None:
            return None
        with suppress(OSError, ValueError):
            return int((self._folder / self._peak).read_text(encoding="ascii")) / 2**20
        return None


@contextmanager
def cage(limit_mb: int) -> Iterator[Cage]:
    """Make a control group with a limit, version 2 or 1, and take it away afterwards."""
    versions = [
        (GROUPS / "memory", "memory.limit_in_bytes", ("memory.max_usage_in_bytes", "memory.failcnt")),
        (GROUPS, "memory.max", ("memory.peak", "memory.events")),
    ]
    for parent, limit, names in versions:
        folder = parent / f"xray-fit-{os.getpid()}"
        try:
            folder.mkdir()
            (folder / limit).write_text(str(limit_mb * 2**20), encoding="ascii")
        except OSError:
            with suppress(OSError):
                folder.rmdir()
            continue
        try:
            yield Cage(folder, names)
        finally:
            with suppress(OSError):
                folder.rmdir()
        return
    yield Cage(None, ("", ""))
