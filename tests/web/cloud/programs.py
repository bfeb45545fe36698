"""Servers that tests start on free ports: PostgreSQL, Redis and S3."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.server import free_port

ROOT = Path(__file__).resolve().parents[3]
# Elsewhere a machine may lack them; on CI that is a mistake, which skipped tests would hide.
ON_CI = os.environ.get("CI") == "true"
# A busy machine may take a minute for what is done in a second.
PATIENT_S = 120
# PostgreSQL refuses to run as root; Debian's package makes this user.
UNPRIVILEGED = "postgres"


@dataclass(frozen=True)
class Program:
    """A running program: the port on which it listens, and the folder that it writes to, with its log."""

    port: int
    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


def absent(words: str) -> None:
    (pytest.fail if ON_CI else pytest.skip)(words)


def find(name: str, package: str) -> str:
    """Find one of Debian's programs."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin") or (versions and str(versions[-1]))
    if not found:
        absent(f"needs {name}: apt-get install {package}")
    return found


def needs(module: str) -> None:
    """Skip, or fail on CI, where a Python package is missing."""
    if find_spec(module) is None:
        absent(f"needs {module}: uv sync --frozen --extra dev")


def until(ask: Callable[[], object]):
    """Ask until there is an answer."""
    deadline = time.monotonic() + PATIENT_S
    while True:
        with suppress(OSError):
            if answer := ask():
                return answer
        assert time.monotonic() < deadline, "no answer"
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        return True


@contextmanager
def running(
    folder: Path,
    command: list[str],
    port: int,
    *,
    user: str | None = None,
    end: int = signal.SIGTERM,
    **environment: str,
) -> Iterator[Program]:
    """Run a program from when it listens until it is not needed any more."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | environment, stdout=log, stderr=log, user=user, start_new_session=True
        )
    program = Program(port, process, folder)
    try:
        until(lambda: process.poll() is not None or listens(port))
        assert process.poll() is None, program.log
        yield program
    finally:
        process.send_signal(end)
        try:
            process.wait(timeout=PATIENT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def postgres(folder: Path) -> Iterator[Program]:
    """Run a PostgreSQL of our own; whoever is on this machine may come in."""
    initdb, server, port = find("initdb", "postgresql"), find("postgres", "postgresql"), free_port()
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    setup = [initdb, "-D", str(data), "-U", "xray", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
    subprocess.run(setup, check=True, capture_output=True, user=user, cwd=folder)
    settings = f"port={port} listen_addresses=127.0.0.1 unix_socket_directories={folder} fsync=off".split()
    command = [server, "-D", str(data), *(word for setting in settings for word in ("-c", setting))]
    # SIGTERM would wait for whoever is connected.
    with running(folder, command, port, user=user, end=signal.SIGINT) as program:
        # It listens a moment before it answers.
        ask = [find("pg_isready", "postgresql"), "-h", "127.0.0.1", "-p", str(port)]
        until(lambda: subprocess.run(ask, capture_output=True, check=False).returncode == 0)
        yield program


@contextmanager
def redis(folder: Path) -> Iterator[Program]:
    """Run a Redis of our own, that writes nothing."""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    with running(folder, [find("redis-server", "redis-server"), *options], port) as program:
        yield program


@contextmanager
def s3(folder: Path) -> Iterator[Program]:
    """Run a store that speaks S3 over HTTP and keeps all in memory."""
    needs("moto")
    port = free_port()
    with running(folder, [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port) as program:
        yield program


def gunicorn(folder: Path, port: int, *before: str, **environment: str) -> AbstractContextManager[Program]:
    """Serve `app:app` with the repository's own settings of gunicorn; `before` stands before its command."""
    settings = ["--chdir", str(ROOT), "-c", str(ROOT / "gunicorn.conf.py"), "--bind", f"127.0.0.1:{port}"]
    return running(folder, [*before, sys.executable, "-m", "gunicorn", *settings, "app:app"], port, **environment)
