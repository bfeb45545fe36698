"""The one-cycle learning rate."""

import pytest

pytest.importorskip("keras")

from training.schedule import one_cycle  # noqa: E402


def test_it_rises_to_the_peak_and_falls_to_a_hundredth():
    rates = [one_cycle(i / 1000, peak=0.06) for i in range(1001)]
    assert max(rates) == pytest.approx(0.06, rel=1e-3)
    assert rates.index(max(rates)) == 200
    assert rates[-1] == pytest.approx(0.0006)
    assert rates[:200] == sorted(rates[:200])
    assert rates[200:] == sorted(rates[200:], reverse=True)
