"""Whether we fit each host: `python -m benchmarks.fit` (`make fit`, Linux).

Lays out for each host of docs/deploy.md what it would install, weighs it, starts it as that host does within its
memory, sends films of full size from four visitors, deletes what was written, starts it again, and sends one more with
the old page. Prints the table of docs/deploy.md, and ends with 1 if something does not fit.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from benchmarks.figure import circumstances, markdown
from benchmarks.server import REPOSITORY, Visitor, free_port, full_size, resident_mb, wait

MIB = 1024 * 1024
VISITORS = 4
COLUMNS = ("host", "installed", "compressed", "limit", "most memory", "limit", "films", "after a wipe", "fits")
GROUPS = Path("/sys/fs/cgroup")
KEY = "made for a fitting, and for nothing else"
# As PythonAnywhere does: one process that answers one request after the other, and no threads.
WITHOUT_THREADS = """
import runpy, sys, threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

def refuse(thread):
    raise RuntimeError("can't start new thread")

threading.Thread.start = refuse
class Silent(WSGIRequestHandler):
    def log_message(self, *_): pass

application = runpy.run_path(sys.argv[1])["application"]
make_server("127.0.0.1", int(sys.argv[2]), application, handler_class=Silent).serve_forever()
"""


@dataclass(frozen=True)
class Host:
    """A host and its limits.

    Attributes:
        name: as people call it.
        disk_mb: most that may be installed, in MiB; compressed where `compressed` says so.
        compressed: whether the limit is of the archive.
        memory_mb: most that all processes together may hold, in MiB.
        ignored: names that are not copied to it.
        kept: if not empty, nothing but these names is copied.
        threads: whether there are any.
        settings: environment variables.
    """

    name: str
    disk_mb: int
    compressed: bool
    memory_mb: int
    ignored: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    threads: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)

    def files(self) -> list[str]:
        """Return the files of the repository that are copied to it."""
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.splitlines()
        return [
            path
            for path in listed
            if (REPOSITORY / path).is_file()
            and (not self.kept or _is_listed(path, self.kept))
            and not _is_listed(path, self.ignored)
        ]

    def command(self, python: Path, app: Path, port: int) -> Sequence[str]:
        """Return what starts us there."""
        if self.threads:
            return [str(python), "-m", "gunicorn", "app:app"]
        wsgi = app / "deploy" / "pythonanywhere_wsgi.py"
        filled = wsgi.read_text(encoding="utf-8").replace("/home/YOUR-NAME/covid-xray", str(app))
        wsgi.write_text(filled.replace("FILL-ME-IN", KEY), encoding="utf-8")
        return [str(python), "-c", WITHOUT_THREADS, str(wsgi), str(port)]


def hosts() -> list[Host]:
    """Return all of them, with what their files in this repository say."""
    heroku = {"XRAY_THREADS": "1", "XRAY_PROXIES": "1"}
    return [
        Host("Heroku", 500, True, 512, ignored=_names(".slugignore"), settings=heroku),
        Host("PythonAnywhere", 512, False, 512, threads=False),
        Host("Docker", 512, False, 512, kept=_names(".dockerignore", kept=True)),
        Host("a plain server", 512, False, 512, settings={"XRAY_PROXIES": "1"}),
    ]


def _names(path: str, *, kept: bool = False) -> tuple[str, ...]:
    """Return the names that an ignore file leaves out, or those that it takes back."""
    lines = (REPOSITORY / path).read_text(encoding="utf-8").splitlines()
    written = [line.strip() for line in lines if line.strip() and not line.startswith("#") and line != "*"]
    return tuple(line.lstrip("!/") for line in written if line.startswith("!") is kept)


def _is_listed(path: str, names: Sequence[str]) -> bool:
    return any(path == name or path.startswith(f"{name}/") or fnmatch(path, name) for name in names)


@dataclass(frozen=True)
class Fitting:
    """What was found for one host.

    Attributes:
        unpacked_mb: packages and application, without Python itself, in MiB.
        compressed_mb: the same as tar.gz.
        memory_mb: the most that all its processes held together, in MiB.
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
    parser.add_argument("--packages", type=Path, help="an environment of requirements.txt (default: makes one)")
    asked = parser.parse_args()
    chosen = [host for host in hosts() if not asked.names or host.name in asked.names]
    if not chosen:
        parser.error(f"expected hosts out of {', '.join(host.name for host in hosts())}; received {asked.names}")
    print(circumstances(), end="\n\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        packages = asked.packages or _install(Path(folder) / "packages")
        weight = _weigh(packages)
        fittings = [fit(host, packages, weight, Path(folder) / "host", asked.films) for host in chosen]
    print(markdown(COLUMNS, [fitting.row() for fitting in fittings]))
    return 0 if all(fitting.fits for fitting in fittings) else 1


def fit(host: Host, packages: Path, weight: tuple[float, float], folder: Path, films: int) -> Fitting:
    """Lay out, weigh, start, load, wipe and start again.

    Args:
        host: that we are to fit.
        packages: an environment of requirements.txt, which every host installs alike.
        weight: of it, as `_weigh` says it.
        folder: for the application; removed afterwards.
        films: to be sent.
    """
    app = folder / "app"
    try:
        for path in host.files():
            (app / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / path, app / path)
        unpacked, compressed = (sum(each) for each in zip(weight, _weigh(app), strict=True))
        with cage(host.memory_mb) as limit:
            with _serving(host, packages, app, limit) as (url, pid):
                visitors = [Visitor(url) for _ in range(VISITORS if host.threads else 1)]
                answered, watched = _load(visitors, films, pid)
            # What hosts do that empty their disks.
            shutil.rmtree(app / "instance", ignore_errors=True)
            for copy in (app / "static" / "xray_analysis").glob("*_Prob_*"):
                copy.unlink()
            with _serving(host, packages, app, limit, port=int(url.rpartition(":")[2])):
                page = visitors[0].send(full_size()[0], "both")
            peak = _peak_mb(limit) or watched
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    wiped = bool(re.search(r"/analyses/", page))
    return Fitting(host, unpacked, compressed, peak, limit is not None, answered, wiped)


def _install(folder: Path) -> Path:
    """Install what is served with, by its hashes: every host gets these very files."""
    subprocess.run([os.environ.get("PYTHON", sys.executable), "-m", "venv", str(folder)], check=True)
    command = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([*command, "-r", str(REPOSITORY / "requirements.txt")], check=True)
    return folder


def _weigh(folder: Path) -> tuple[float, float]:
    """Return what a folder takes, unpacked and as tar.gz, in MiB."""
    files = (each for each in folder.rglob("*") if each.is_file() and not each.is_symlink())
    unpacked = sum(each.stat().st_size for each in files)
    command = ["sh", "-c", 'tar -cz -C "$0" . | wc -c', str(folder)]
    packed = subprocess.run(command, capture_output=True, text=True, check=True)
    return unpacked / MIB, int(packed.stdout) / MIB


@contextmanager
def cage(limit_mb: int) -> Iterator[Path | None]:
    """Make a control group that limits memory, version 1 or 2, where Linux lets us (as root), and remove it afterwards.

    Yields:
        Its folder; None where there is none, so that nothing is limited and memory is only looked at.
    """
    folder = None
    for parent, limit in ((GROUPS / "memory", "memory.limit_in_bytes"), (GROUPS, "memory.max")):
        with suppress(OSError):
            (parent / f"xray-fit-{os.getpid()}").mkdir()
            folder = parent / f"xray-fit-{os.getpid()}"
            (folder / limit).write_text(str(limit_mb * MIB), encoding="ascii")
            break
    try:
        yield folder
    finally:
        if folder:
            with suppress(OSError):
                folder.rmdir()


def _peak_mb(group: Path | None) -> float:
    """Return the most that a control group held so far, cached file pages included, in MiB; 0 if nobody counted."""
    found = [group / name for name in ("memory.peak", "memory.max_usage_in_bytes") if group and (group / name).exists()]
    return int(found[0].read_text(encoding="ascii")) / MIB if found else 0.0


@contextmanager
def _serving(
    host: Host, packages: Path, app: Path, group: Path | None, port: int | None = None
) -> Iterator[tuple[str, int]]:
    port = port or free_port()
    settings = {"PATH": os.environ["PATH"], "HOME": str(app), "PORT": str(port), "XRAY_SECRET_KEY": KEY}
    settings |= {"XRAY_RATE_LIMIT": "0", "XRAY_INSTANCE_DIR": str(app / "instance"), **host.settings}
    log, url = app.parent / "log", f"http://127.0.0.1:{port}"

    def enter() -> None:
        if group:
            (group / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")

    with log.open("w+", encoding="utf-8") as written:
        command = host.command(packages / "bin" / "python", app, port)
        process = subprocess.Popen(command, cwd=app, env=settings, stdout=written, stderr=written, preexec_fn=enter)
        try:
            wait(process, f"{url}/readyz", log)
            yield url, process.pid
        finally:
            process.terminate()
            process.wait(timeout=60)


def _load(visitors: list[Visitor], films: int, pid: int) -> tuple[int, float]:
    """Send films from all visitors; return how many were answered, and the most that all processes held, in MiB."""
    chosen = full_size()

    def send(number: int) -> float:
        visitors[number % len(visitors)].send(chosen[number % len(chosen)], "both")
        return _held_mb(pid)

    with ThreadPoolExecutor(len(visitors)) as threads:
        held = list(threads.map(send, range(films)))
    return len(held), max(held)


def _held_mb(pid: int) -> float:
    """Return what a process and its children hold, in MiB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    statuses = [Path(f"/proc/{each}/status").read_text(encoding="ascii") for each in (str(pid), *children)]
    return sum(resident_mb(status)[0] for status in statuses) * 1e6 / MIB


if __name__ == "__main__":
    sys.exit(main())
