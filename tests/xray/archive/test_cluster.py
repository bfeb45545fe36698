"""Ray engine: the same rows as on this machine, and none lost or doubled when a node dies."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from xray.archive import results

ROOT = Path(__file__).resolve().parents[3]
FILMS = 24

pytestmark = pytest.mark.scale


@pytest.fixture
def many(tmp_path: Path, film: Callable[[int], bytes]) -> Path:
    """A folder with films enough that a node can die in the middle, one of them bad and two the same."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(FILMS):
        # What follows a PNG's end is not looked at, but makes it another content.
        (folder / f"{number:02}.png").write_bytes(film(number % 4) + bytes([number]))
    (folder / "same.png").write_bytes((folder / "00.png").read_bytes())
    (folder / "bad.png").write_bytes(b"no picture")
    return folder


def test_a_node_that_is_killed_in_the_middle_loses_and_doubles_nothing(many: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    destination = tmp_path / "out.csv"
    command = [sys.executable, str(Path(__file__).with_name("killed_node.py")), str(many), str(destination)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 1, done.stderr  # the bad film
    killed_after = int(done.stdout.rpartition("killed after ")[2].split()[0])
    assert 0 < killed_after < 3 * FILMS
    rows = list(results.to(str(destination)).rows())
    assert Counter(row.path for row in rows) == dict.fromkeys(map(str, many.iterdir()), 3)
    assert Counter(bool(row.error) for row in rows) == {False: 3 * (FILMS + 1), True: 3}
