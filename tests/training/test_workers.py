"""Who changes the films: the same films whoever does it."""

import numpy as np

from training.augment import Augmentation
from training.workers import Workers

HEAVY = Augmentation(12.0, (0.8, 1.1), 0.05, 0.5, (0.6, 1.6), 0.5, 0.25, 0.3, 12.0, 0.4)


def test_processes_change_films_as_this_thread_does(tmp_path):
    np.save(tmp_path / "crops.npy", np.random.default_rng(0).integers(0, 256, (12, 64, 64), dtype=np.uint8))
    pictures = np.load(tmp_path / "crops.npy", mmap_mode="r")
    here, elsewhere = Workers(pictures), Workers(pictures, 2)
    asked = [(np.arange(first, first + 4), 32, HEAVY, (1, 2), first) for first in (0, 4, 8)]
    begun = [elsewhere.changed(*each) for each in asked]
    found = [each.result() for each in begun]
    for each, batch in zip(asked, found, strict=True):
        np.testing.assert_array_equal(batch, here.changed(*each).result())
    assert not np.array_equal(found[0], here.changed(asked[0][0], 32, HEAVY, (1, 3), 0).result())


def test_a_film_changes_the_same_in_whichever_batch_it_comes():
    pictures = np.random.default_rng(0).integers(0, 256, (8, 64, 64), dtype=np.uint8)
    films = Workers(pictures)
    whole = films.changed(np.arange(8), 32, HEAVY, (7,), 0).result()
    halves = [films.changed(np.arange(first, first + 4), 32, HEAVY, (7,), first).result() for first in (0, 4)]
    np.testing.assert_array_equal(np.concatenate(halves), whole)
    assert whole.shape == (8, 32, 32, 1)
    np.testing.assert_allclose(whole.mean(axis=(1, 2, 3)), 0, atol=1e-5)
