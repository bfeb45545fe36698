"""The law of the house: which room may import what, and what the repository may hold."""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.structure import BOUNDS, ROOT, arrows, circles, folder_arrows, imported, measure, tracked

# The bounds that the code does not keep yet: each leaves this set for good once it holds.
NOT_YET = {"product files", "product lines", "test lines"}
# Of the extra `cloud`, and what only an old database needs: loaded where a setting asks for them.
LATE = {"alembic", "botocore", "fsspec", "psycopg", "redis", "s3fs"}
WEIGHTY = {"tensorflow", "keras", "sklearn", "matplotlib", "imutils", "pandas", "pooch"}
FLASK = {"flask", "flask_wtf", "wtforms", "werkzeug", "gunicorn"}
ROOMS = {
    "xray": WEIGHTY | FLASK | {"app", "web", "training", "benchmarks", "tests"},
    "web": WEIGHTY | {"app", "training", "benchmarks", "tests"},
    "app.py": WEIGHTY | {"training", "benchmarks", "tests"},
    "training": FLASK | {"app", "web", "benchmarks", "tests"},
}
ONE_HOME = {
    "ai_edge_litert": "xray/networks/runtime.py",
    "pydicom": "xray/io/dicom.py",
    "PIL": "xray/io/pillow.py",
    "tensorflow": "training/networks/litert.py",
    "pyarrow": "xray/archive/parquet.py",
    "ray": "xray/archive/ray_engine.py",
    "fsspec": "xray/io/storage.py",
    "redis": "web/security/rate_limit.py",
}
MB = 1_000_000


def modules(room: str) -> list[Path]:
    path = ROOT / room
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


@cache
def imports(source: str) -> set[str]:
    """Name the packages that a module imports anywhere in it, lazily or not."""
    return {name.partition(".")[0] for name in imported(source)}


@pytest.fixture(scope="session")
def files() -> list[str]:
    """The files of the checkout; skips where nothing is tracked."""
    try:
        return tracked()
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    "source",
    [
        "import keras",
        "import keras.layers as layers",
        "from keras.layers import Dense",
        "def late():\n    import keras",
        "import importlib\nimportlib.import_module('keras.layers')",
        "__import__('keras')",
    ],
)
def test_no_way_of_importing_goes_unseen(source: str) -> None:
    assert "keras" in imports(source)


def test_the_code_keeps_its_size_and_shape(files: list[str]) -> None:
    counts, remarks = measure()
    broken = {name for name, count in counts.items() if count >= BOUNDS[name]}
    assert broken <= NOT_YET, "\n".join([str(counts), *remarks])


def test_circles_and_arrows_between_folders_are_found() -> None:
    graph = arrows(
        {
            "a/__init__.py": "",
            "a/one.py": "from b import two",
            "a/floor.py": "import os",
            "b/two.py": "def late():\n    import b.three",
            "b/three.py": "from a.floor import F\nfrom a.one import f\nfrom . import four",
            "b/four.py": "",
        }
    )
    assert circles(graph) == [["a/one.py", "b/three.py", "b/two.py"]]
    assert folder_arrows(graph) == {"a": {"b": ["a/one.py -> b/two.py"]}, "b": {"a": ["b/three.py -> a/one.py"]}}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_the_law_allows(room: str) -> None:
    code = modules(room)
    assert code, f"no code in {room}"
    broken = {path.name: imports(path.read_text(encoding="utf-8")) & ROOMS[room] for path in code}
    assert not {path: names for path, names in broken.items() if names}


@pytest.mark.parametrize("package", ONE_HOME)
def test_a_package_with_one_home_is_imported_there_alone(package: str) -> None:
    code = [path for room in ROOMS for path in modules(room)]
    homes = [path for path in code if package in imports(path.read_text(encoding="utf-8"))]
    assert homes == [ROOT / ONE_HOME[package]]


def test_serving_loads_no_training_package(tmp_path: Path) -> None:
    probe = "import app, sys; print(*sys.modules)"
    settings = os.environ | {"XRAY_INSTANCE_DIR": str(tmp_path), "XRAY_ANALYSIS_DIR": str(tmp_path)}
    command = [sys.executable, "-c", probe]
    run = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert {"flask", "xray", "web"} <= loaded
    assert not loaded & (WEIGHTY | LATE | {"training", "torch", "jax"})


def test_the_repository_stays_small(files: list[str]) -> None:
    sizes = {name: (ROOT / name).stat().st_size for name in files}
    assert not {name: size for name, size in sizes.items() if size > 30 * MB}
    assert sum(sizes.values()) < 80 * MB


def test_no_radiograph_is_committed_but_the_examples_whose_licence_is_written_down(files: list[str]) -> None:
    radiographs = re.compile(r"(?i)\.(jpe?g|dcm|dicom)$|^dataset_validation/\w+/|^static/xray_analysis/[^.]")
    rows = (ROOT / "static" / "examples" / "SOURCES.md").read_text(encoding="utf-8")
    free = re.findall(r"^\| `(\w+\.jpg)` \|.*\| (?:CC BY [34]\.0|free use) \|", rows, re.MULTILINE)
    assert not {name for name in files if radiographs.search(name)} - {f"static/examples/{name}" for name in free}


def test_only_two_files_know_of_the_shared_folder(files: list[str]) -> None:
    itself = Path(__file__).relative_to(ROOT).as_posix()
    strangers = set(files) - {"training/config.py", "tests/conftest.py", itself}
    mention = re.compile(rb"""\.\./shared\b|\bshared["' ]*[,/]["' ]*data\b""")
    assert not [name for name in strangers if mention.search((ROOT / name).read_bytes())]
