"""The one-cycle learning rate."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from training.fit.schedule import OneCycle  # noqa: E402


def test_it_rises_to_the_peak_and_falls_to_a_hundredth():
    cycle = OneCycle(0.06, 1000)
    rates = np.asarray(cycle(np.arange(1001))).tolist()
    assert max(rates) == pytest.approx(0.06, rel=1e-3)
    assert rates.index(max(rates)) == 200
    assert rates[0] == pytest.approx(0.006)
    assert rates[-1] == pytest.approx(0.0006)
    assert rates[:200] == sorted(rates[:200])
    assert rates[200:] == sorted(rates[200:], reverse=True)


def test_a_cycle_that_was_broken_off_goes_on_where_it_was():
    whole, rest = OneCycle(0.06, 100), OneCycle(0.06, 100, done=30)
    np.testing.assert_allclose(rest(np.arange(70)), whole(np.arange(30, 100)), rtol=1e-6)


def test_a_saved_network_goes_on_with_its_cycle(tmp_path):
    """The rate belongs to the optimiser's steps, which a checkpoint keeps."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(OneCycle(0.1, 8)), "mse", jit_compile=False)
    model.fit(np.ones((6, 1)), np.ones((6, 1)), batch_size=2, verbose=0)
    model.save(tmp_path / "last.keras")
    again = keras.models.load_model(tmp_path / "last.keras")
    assert float(again.optimizer.learning_rate) == pytest.approx(float(OneCycle(0.1, 8)(3)))
