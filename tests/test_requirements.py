"""What is installed to serve: as listed, all of it needed, and locked by hashes."""

import re
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_architecture import imports, modules

ROOT = Path(__file__).resolve().parent.parent
# Nothing imports them: the server, and what pydicom finds by itself to decode JPEG 2000.
NOT_IMPORTED = {"gunicorn": "Procfile", "pylibjpeg": "xray/io/dicom.py", "pylibjpeg-openjpeg": "xray/io/dicom.py"}


def listed(part: str) -> dict[str, Requirement]:
    found = [Requirement(line) for line in part.splitlines() if re.match("[a-z]", line)]
    return {canonicalize_name(each.name): each for each in found}


ASKED, BROUGHT = map(listed, (ROOT / "requirements.txt").read_text(encoding="utf-8").split("# What those bring in"))
ARCHIVE, TRAIN = (
    listed((ROOT / f"requirements-{name}.txt").read_text(encoding="utf-8")) for name in ("archive", "train")
)
CLOUD = (ROOT / "requirements-cloud.txt").read_text(encoding="utf-8")
CLOUD_ASKED, CLOUD_BROUGHT = map(listed, CLOUD.split("# What those bring in"))
LOCK = re.split(r"\n(?=[a-z])", (ROOT / "requirements.lock").read_text(encoding="utf-8"))[1:]


@cache
def needs(name: str) -> set[str]:
    """Name what a package needs, and what that needs."""
    try:
        asked = [Requirement(each) for each in requires(name) or ()]
    except PackageNotFoundError:
        return set()
    direct = {canonicalize_name(each.name) for each in asked if not each.marker or each.marker.evaluate({"extra": ""})}
    return direct.union(*(needs(each) for each in direct))


def test_every_package_is_pinned() -> None:
    assert all(
        re.fullmatch(r"==[\w.]+", str(each.specifier))
        for each in (ASKED | BROUGHT | CLOUD_ASKED | CLOUD_BROUGHT).values()
    )


def test_what_archives_need_is_pinned_and_goes_with_the_rest() -> None:
    assert all(re.fullmatch(r"==[\w.]+", str(each.specifier)) for each in ARCHIVE.values())
    others = TRAIN | ASKED | BROUGHT
    assert {name: each.specifier for name, each in ARCHIVE.items() if name in others} == {
        name: others[name].specifier for name in ARCHIVE if name in others
    }


@pytest.mark.parametrize("name", ASKED)
def test_a_package_that_is_asked_for_is_used(name: str) -> None:
    if name in NOT_IMPORTED:
        assert (ROOT / NOT_IMPORTED[name]).exists()
        return
    code = [path for room in ("app.py", "web", "xray") for path in modules(room)]
    imported = set().union(*(imports(path.read_text(encoding="utf-8")) for path in code))
    found = packages_distributions()
    assert name in {canonicalize_name(each) for module in imported for each in found.get(module, ())}


def test_what_those_bring_in_is_listed_and_nothing_else() -> None:
    here = {name for name, each in BROUGHT.items() if not each.marker or each.marker.evaluate()}
    assert here == set().union(*(needs(name) for name in ASKED)) - set(ASKED)


def test_what_a_shared_store_needs_is_listed_and_serving_alone_holds_none_of_it() -> None:
    here = {name for name, each in CLOUD_BROUGHT.items() if not each.marker or each.marker.evaluate()}
    needed = set().union(*(needs(name) for name in CLOUD_ASKED)) | {"psycopg-binary"}
    assert here == needed - set(CLOUD_ASKED) - set(ASKED) - set(BROUGHT)
    assert not (set(CLOUD_ASKED) | here) & (set(ASKED) | set(BROUGHT))


def test_the_lock_holds_the_same_versions_each_with_its_hashes() -> None:
    locked = {}
    for block in LOCK:
        first, *hashes = [line.strip(" \\") for line in block.splitlines()]
        each = Requirement(first)
        locked[canonicalize_name(each.name)] = str(each.specifier), str(each.marker or "")
        assert hashes and all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes)
    wanted = {name: (str(each.specifier), str(each.marker or "")) for name, each in (ASKED | BROUGHT).items()}
    assert locked == wanted, "run `make lock`"
