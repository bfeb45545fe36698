"""Whether we fit each host: `python -m benchmarks.fit` (`make fit`, Linux).

Builds for each host what it would install, in an empty folder; weighs it; starts it as that host does, within its
memory; sends films of full size from four visitors; ends it, wipes what was written, starts it again, and sends one
more with the old page. Prints the table of docs/deploy.md, and ends with 1 if something does not fit.
"""

import argparse
import gzip
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.figure import circumstances, markdown
from benchmarks.films import REPOSITORY, full_size
from benchmarks.hosts import KEY, MIB, Host, hosts, python
from benchmarks.server import Visitor, free_port, resident_mb, wait

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

VISITORS = 4
COLUMNS = ("host", "installed", "compressed", "limit", "most memory", "limit", "films", "after a wipe", "fits")


@dataclass(frozen=True)
class Fitting:
    """What was found for one host.

    Attributes:
        unpacked_mb: packages and application, without Python itself, in MiB.
        compressed_mb: the same as tar.gz.
        memory_mb: most that all its processes held together, in MiB.
        enforced: whether the kernel kept the limit of memory.
        films: that were answered with a verdict.
        wiped: whether a page from before the wipe could still send a film afterwards.
    """

    host: Host
    unpacked_mb: float
    compressed_mb: float
    memory_mb: float
    enforced: bool
    films: int
    wiped: bool

    @property
    def fits(self) -> bool:
        """Whether everything is within the host's limits."""
        disk = self.compressed_mb if self.host.compressed else self.unpacked_mb
        return disk <= self.host.disk_mb and self.memory_mb <= self.host.memory_mb and self.films > 0 and self.wiped

    def row(self) -> list[str]:
        """Return its row of the table."""
        disk = f"{self.host.disk_mb} MiB {'compressed' if self.host.compressed else 'unpacked'}"
        return [
            self.host.name, f"{self.unpacked_mb:.0f} MiB", f"{self.compressed_mb:.0f} MiB", disk,
            f"{self.memory_mb:.0f} MiB", f"{self.host.memory_mb} MiB{', kept by the kernel' if self.enforced else ''}",
            str(self.films), "goes on" if self.wiped else "**breaks**", "yes" if self.fits else "**no**",
        ]  # fmt: skip


def main() -> int:
    """Fit all hosts, or those that are named, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="HOST", help="such as Heroku (default: all)")
    parser.add_argument("--films", type=int, default=60, help="to be sent to each (default: 60)")
    asked = parser.parse_args()
    chosen = [host for host in hosts() if not asked.names or host.name in asked.names]
    if not chosen:
        parser.error(f"expected hosts out of {', '.join(host.name for host in hosts())}; received {asked.names}")
    print(circumstances(), end="\n\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        packages = _install(Path(folder) / "packages")
        fittings = [fit(host, packages, Path(folder) / "host", asked.films) for host in chosen]
    print(markdown(COLUMNS, [fitting.row() for fitting in fittings]))
    return 0 if all(fitting.fits for fitting in fittings) else 1


def fit(host: Host, packages: Path, folder: Path, films: int) -> Fitting:
    """Build, weigh, start, load, wipe and start again."""
    app = folder / "app"
    try:
        for path in host.files():
            (app / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / path, app / path)
        unpacked, compressed = _weigh([packages, app])
        with cage(host.memory_mb) as limit:
            with _serving(host, packages, app, limit) as (url, pid):
                visitors = [Visitor(url) for _ in range(VISITORS if host.threads else 1)]
                answered, watched = _load(visitors, films, pid)
            _wipe(app)
            with _serving(host, packages, app, limit, port=int(url.rpartition(":")[2])) as (url, _):
                wiped = _still_works(visitors[0])
            peak = limit.peak_mb() or watched
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Fitting(host, unpacked, compressed, peak, limit.folder is not None, answered, wiped)


def _install(folder: Path) -> Path:
    """Install what is served with, by the lock file: every host gets these very files."""
    subprocess.run([python(), "-m", "venv", str(folder)], check=True)
    command = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([*command, "-r", str(REPOSITORY / "requirements.txt")], check=True)
    return folder


def _weigh(folders: list[Path]) -> tuple[float, float]:
    """Return what folders take, unpacked and as tar.gz, in MiB."""
    counted = Counted()
    unpacked = 0
    with (
        gzip.GzipFile(fileobj=counted, mode="wb", compresslevel=6) as packed,
        tarfile.open(fileobj=packed, mode="w|") as archive,
    ):
        for folder in folders:
            archive.add(folder, folder.name)
            files = (each for each in folder.rglob("*") if each.is_file() and not each.is_symlink())
            unpacked += sum(each.stat().st_size for each in files)
    return unpacked / MIB, counted.size / MIB


class Counted(io.RawIOBase):
    """A file that only counts what is written to it."""

    size = 0

    def write(self, content: "Buffer") -> int:
        """Count."""
        written = memoryview(content).nbytes
        self.size += written
        return written


class Cage(NamedTuple):
    """A control group that limits the memory of a process and its children, where Linux lets us make one (as root).

    Attributes:
        folder: Of the group; None where nothing is limited.
        peak: Its file that holds the most memory so far.
    """

    folder: Path | None = None
    peak: str = ""

    def enter(self) -> None:
        """Move this process into the group: a child calls it before it runs."""
        if self.folder:
            (self.folder / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")

    def peak_mb(self) -> float | None:
        """Return the most that was held so far, cached file pages included, in MiB; None if nobody counted."""
        with suppress(OSError, ValueError):
            return int((self.folder / self.peak).read_text(encoding="ascii")) / MIB if self.folder else None
        return None


@contextmanager
def cage(limit_mb: int) -> Iterator[Cage]:
    """Make a control group with a limit, version 1 or 2, and remove it afterwards."""
    groups = Path("/sys/fs/cgroup")
    versions = [
        (groups / "memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"),
        (groups, "memory.max", "memory.peak"),
    ]
    for parent, limit, peak in versions:  # noqa: B007  # used after the loop
        folder = parent / f"xray-fit-{os.getpid()}"
        with suppress(OSError):
            folder.mkdir()
            (folder / limit).write_text(str(limit_mb * MIB), encoding="ascii")
            break
    else:
        yield Cage()
        return
    try:
        yield Cage(folder, peak)
    finally:
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def _serving(host: Host, packages: Path, app: Path, limit: Cage, port: int | None = None) -> Iterator[tuple[str, int]]:
    port = port or free_port()
    settings = {"PATH": os.environ["PATH"], "HOME": str(app), "PORT": str(port), "XRAY_SECRET_KEY": KEY}
    settings |= {"XRAY_RATE_LIMIT": "0", "XRAY_INSTANCE_DIR": str(app / "instance"), **host.settings}
    log = app.parent / "log"
    with log.open("w+", encoding="utf-8") as written:
        process = subprocess.Popen(
            host.command(packages / "bin" / "python", app, port), cwd=app, env=settings, stdout=written, stderr=written,
            preexec_fn=limit.enter,
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            wait(process, f"{url}/readyz", log)
            yield url, process.pid
        finally:
            process.terminate()
            process.wait(timeout=60)


def _load(visitors: list[Visitor], films: int, pid: int) -> tuple[int, float]:
    """Send films from all visitors; return how many were answered, and the most that all processes held, in MiB."""
    chosen = full_size()

    def send(number: int) -> float:
        film = chosen[number % len(chosen)]
        visitor = visitors[number % len(visitors)]
        visitor.answer(visitor.request(film.data, "both", film.name))
        return _held_mb(pid)

    with ThreadPoolExecutor(len(visitors)) as threads:
        held = list(threads.map(send, range(films)))
    return len(held), max(held)


def _held_mb(pid: int) -> float:
    """Return what a process and its children hold, in MiB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    statuses = [Path(f"/proc/{each}/status").read_text(encoding="ascii") for each in (str(pid), *children)]
    return sum(resident_mb(status)[0] for status in statuses) * 1e6 / MIB


def _wipe(app: Path) -> None:
    """Do what hosts do that empty their disks: take away all that was written."""
    shutil.rmtree(app / "instance", ignore_errors=True)
    for copy in (app / "static" / "xray_analysis").glob("*.png"):
        copy.unlink()


def _still_works(visitor: Visitor) -> bool:
    """Send a film with the page from before the restart, and look at what became of the earlier ones."""
    film = full_size()[0]
    page = visitor.answer(visitor.request(film.data, "both", film.name))
    return bool(re.search(r"/static/xray_analysis/|analyses/", page))


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    sys.exit(code)
