"""Who changes the films: the same films whoever does it."""

from pathlib import Path

import numpy as np

from training.data.augment import Augmentation
from training.fit.backbone_data import Part, Workers

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
