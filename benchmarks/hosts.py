"""The hosts of docs/deploy.md: what each installs, how it starts us, and what it allows."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from benchmarks.films import REPOSITORY

MIB = 1024 * 1024
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
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=REPOSITORY, capture_output=True, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
        there = [path for path in listed if (REPOSITORY / path).is_file()]
        chosen = [path for path in there if not self.kept or _listed(path, self.kept)]
        return [path for path in chosen if not _listed(path, self.ignored)]

    def command(self, python: Path, app: Path, port: int) -> Sequence[str]:
        """Return what starts us there."""
        if not self.threads:
            wsgi = app / "deploy" / "pythonanywhere_wsgi.py"
            filled = wsgi.read_text(encoding="utf-8").replace("/home/YOUR-NAME/covid-xray", str(app))
            wsgi.write_text(filled.replace("FILL-ME-IN", KEY), encoding="utf-8")
            return [str(python), "-c", WITHOUT_THREADS, str(wsgi), str(port)]
        return [str(python), "-m", "gunicorn", "app:app"]


def hosts() -> list[Host]:
    """Return all of them, with what their files in this repository say."""
    one_thread = {"XRAY_THREADS": "1"}
    return [
        Host("Heroku", 500, True, 512, ignored=_names(".slugignore"), settings=one_thread | {"XRAY_PROXIES": "1"}),
        Host("PythonAnywhere", 512, False, 512, threads=False),
        Host("Docker", 512, False, 512, kept=_names(".dockerignore", kept=True)),
        Host("a plain server", 512, False, 512, settings={"XRAY_PROXIES": "1"}),
    ]


def _names(path: str, *, kept: bool = False) -> tuple[str, ...]:
    """Return the names that an ignore file leaves out, or those that it takes back."""
    lines = (REPOSITORY / path).read_text(encoding="utf-8").splitlines()
    written = [line.strip() for line in lines if line.strip() and not line.startswith("#") and line != "*"]
    return tuple(line.lstrip("!/") for line in written if line.startswith("!") is kept)


def _listed(path: str, names: Sequence[str]) -> bool:
    return any(path == name or path.startswith(f"{name}/") or fnmatch(path, name) for name in names)
