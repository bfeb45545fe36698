"""What is installed to serve: all of it needed, nothing of training in it, pinned and locked by hashes."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.structure import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SERVING = (ROOT / "requirements.txt").read_text(encoding="utf-8")


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(each).name) for each in requirements}


def uv(*arguments: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """Run uv without a network, and without what it may have kept from before."""
    command = [sys.executable, "-m", "uv", "--offline", "--no-config", "--cache-dir", str(cache), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_lock_answers_to_what_is_asked_for(tmp_path: Path) -> None:
    done = uv("lock", "--check", cache=tmp_path)
    assert done.returncode == 0, f"run `make lock`\n{done.stderr}"


def test_requirements_are_those_of_the_lock(tmp_path: Path) -> None:
    exported = uv("export", "--frozen", "--no-emit-project", "--no-annotate", "--no-header", cache=tmp_path)
    assert SERVING.partition("\n")[2] == exported.stdout, "run `make lock`"


def test_every_file_that_is_installed_has_its_hash() -> None:
    blocks = re.split(r"\n(?=[a-z])", SERVING)[1:]
    assert len(blocks) > len(PROJECT["dependencies"])
    assert all(re.match(r"[\w.-]+==[\w.]+.*\\\n +--hash=sha256:[0-9a-f]{64}", block) for block in blocks)


def test_serving_holds_nothing_of_an_extra() -> None:
    installed = names([line.rstrip(" \\") for line in SERVING.splitlines() if re.match("[a-z]", line)])
    extras = names([each for extra in PROJECT["optional-dependencies"].values() for each in extra])
    # Serving has these two by way of others.
    assert extras & installed <= {"packaging", "tqdm"}
