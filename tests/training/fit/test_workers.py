"""Who changes the films: the same films whoever does it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from training.data.augment import Augmentation
from training.fit.backbone_data import Part, Workers

ROOT = Path(__file__).resolve().parents[3]
HEAVY = Augmentation(12.0, (0.8, 1.1), 0.05, 0.5, (0.6, 1.6), 0.5, 0.25, 0.3, 12.0, 0.4)


def stored(folder: Path, films: int) -> tuple[np.ndarray, np.ndarray]:
    """Return memory-mapped crops of noise, and lungs that are their left half."""
    np.save(folder / "crops.npy", np.random.default_rng(0).integers(0, 256, (films, 64, 64), dtype=np.uint8))
    np.save(folder / "lungs.npy", np.tile(np.arange(64) < 32, (films, 64, 1)))
    return np.load(folder / "crops.npy", mmap_mode="r"), np.load(folder / "lungs.npy", mmap_mode="r")


def part(chosen: np.ndarray, first: int, seed: tuple[int, ...] = (1, 2), erased: bool = False) -> Part:
    return Part(chosen, 32, HEAVY, seed, first, np.full(len(chosen), erased))


def test_processes_change_films_as_this_thread_does(tmp_path):
    here, elsewhere = Workers(*stored(tmp_path, 12)), Workers(*stored(tmp_path, 12), 2)
    asked = [part(np.arange(first, first + 4), first, erased=first == 4) for first in (0, 4, 8)]
    begun = [elsewhere.changed(each) for each in asked]
    found = [each.result() for each in begun]
    for each, batch in zip(asked, found, strict=True):
        np.testing.assert_array_equal(batch, here.changed(each).result())
    elsewhere.close()
    assert not np.array_equal(found[0], here.changed(part(asked[0].chosen, 0, seed=(1, 3))).result())
    assert not np.array_equal(found[1], here.changed(part(asked[1].chosen, 4)).result()), "their lungs are not erased"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc, as Linux has it")
def test_processes_end_with_the_one_that_started_them_however_it_ends(tmp_path):
    stored(tmp_path, 2)
    program = f"""
import multiprocessing, time, numpy as np
from training.data.augment import Augmentation
from training.fit.backbone_data import Part, Workers
if __name__ == "__main__":
    paths = [{str(tmp_path)!r} + name for name in ("/crops.npy", "/lungs.npy")]
    workers = Workers(*(np.load(path, mmap_mode="r") for path in paths), 2)
    part = Part(np.arange(2), 32, Augmentation(), (1,), 0, np.zeros(2, bool))
    for each in [workers.changed(part) for _ in range(4)]:
        each.result()
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    time.sleep(60)
"""
    (tmp_path / "program.py").write_text(program)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, tmp_path / "program.py"], env=environment, stdout=subprocess.PIPE, text=True
    ) as main:
        children = [int(pid) for pid in main.stdout.readline().split()]
        main.kill()
    assert len(children) == 2
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in children):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_a_film_changes_the_same_in_whichever_batch_it_comes(tmp_path):
    films = Workers(*stored(tmp_path, 8))
    whole = films.changed(part(np.arange(8), 0)).result()
    halves = [films.changed(part(np.arange(first, first + 4), first)).result() for first in (0, 4)]
    np.testing.assert_array_equal(np.concatenate(halves), whole)
    assert whole.shape == (8, 32, 32, 1)
    np.testing.assert_allclose(whole.mean(axis=(1, 2, 3)), 0, atol=1e-5)
