"""Stored values and the grey that DICOM PS3.3 C.11 gives each."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from xray.io.dicom_rendering import Lut, Rendering, Rescale, Window, render, render_levels

PLAIN = Rendering(Rescale(), None, inverted=False, padding=(1, 0))
ENDS = {0: 0, 4095: 255}


def lut(first: int, *entries: int) -> Lut:
    return Lut(first, np.array(entries, np.float64))


CASES = [
    pytest.param({}, {**ENDS, 1000: 62, 2000: 125}, id="own range"),
    pytest.param({"inverted": True}, {0: 255, 4095: 0, 1000: 193}, id="inverted"),
    pytest.param({"voi": Window(2000, 1001)}, {**ENDS, 1499: 0, 2000: 128, 2500: 255}, id="linear window"),
    pytest.param({"voi": Window(2000, 5)}, {1997: 0, 1998: 32, 2001: 223, 2002: 255}, id="narrow window"),
    pytest.param({"voi": Window(2000, 1)}, {1999: 0, 2000: 255}, id="a window of width 1 is a threshold"),
    pytest.param(
        {"voi": Window(2000, 1000, "LINEAR_EXACT")}, {**ENDS, 1500: 0, 1750: 64, 2500: 255}, id="exact window"
    ),
    pytest.param({"voi": Window(2000, 1000, "SIGMOID")}, {**ENDS, 2000: 128, 2250: 186, 1750: 69}, id="sigmoid window"),
    pytest.param(
        {"voi": Window(0, 20000, "LINEAR_EXACT")},
        {0: 128, 4000: 179},
        id="a window wider than the picture keeps it faint",
    ),
    pytest.param(
        {"modality": Rescale(2, -100), "voi": Window(3900, 2001)},
        {1499: 0, 2000: 128, 2500: 255},
        id="rescale before window",
    ),
    pytest.param({"modality": Rescale(-1)}, {0: 255, 4095: 0}, id="descending rescale"),
    pytest.param({"modality": lut(0, *range(4096, 0, -1))}, {0: 255, 4095: 0, 1000: 193}, id="modality LUT"),
    pytest.param(
        {"voi": lut(1000, 0, *[1024] * 999, 4095)},
        {0: 0, 1000: 0, 1001: 64, 1999: 64, 2000: 255, 4095: 255},
        id="VOI LUT, held beyond its ends",
    ),
    pytest.param({"voi": lut(0, *range(2**14))}, {0: 0, 4000: 62}, id="VOI LUT of a wider range"),
    pytest.param({"padding": (4095, 4095)}, {0: 0, 4095: 0, 4090: 255}, id="padding is black and no extreme"),
    pytest.param({"padding": (3500, 4095)}, {3500: 0, 4095: 0, 3499: 255}, id="padding range"),
    pytest.param({"padding": (0, 0), "inverted": True}, {0: 0, 4095: 0}, id="padding of an inverted film"),
]


@pytest.mark.parametrize(("how", "greys"), CASES)
def test_stored_values_become_the_greys_that_were_meant(how: dict[str, Any], greys: dict[int, int]) -> None:
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    shown = render(stored, replace(PLAIN, **how))
    assert shown.dtype == np.uint8 and shown.shape == stored.shape
    for value, grey in greys.items():
        assert set(np.abs(shown[stored == value].astype(int) - grey)) <= {0, 1}, value


@pytest.mark.parametrize(("how", "_"), CASES)
def test_the_levels_shown_in_their_window_are_the_same_greys(how: dict[str, Any], _: object) -> None:
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    rendering = replace(PLAIN, **how)
    deep = render_levels(stored, rendering)
    assert deep.levels.dtype == np.uint16
    apart = np.abs(deep.shown().astype(int) - render(stored, rendering))
    # A curve is drawn through 256 points: one grey more or less, but where a table leaps.
    assert (apart > (1 if deep.curve else 0)).mean() < 0.002


@pytest.mark.parametrize(
    ("how", "levels", "window"),
    [
        ({"voi": Window(2000, 1001)}, {0: 0, 1000: 1000, 4095: 4095}, (1499.5, 2499.5)),
        ({"modality": Rescale(2, -100), "voi": Window(3900, 2001)}, {0: 0, 50: 100, 4095: 8190}, (2999.5, 4999.5)),
        ({"inverted": True, "voi": Window(1000, 1001)}, {0: 4095, 95: 4000, 4095: 0}, (2595.5, 3595.5)),
        ({"modality": Rescale(0.001)}, {0: 0, 4095: 65535}, (0, 65535)),
        ({"padding": (3500, 4095)}, {0: 0, 3499: 3499, 3500: 0, 4095: 0}, (0, 3499)),
    ],
    ids=["as stored", "moved up to 0", "turned", "fractions spread", "padding is the least"],
)
def test_levels_are_the_values_after_the_modality(
    how: dict[str, Any], levels: dict[int, int], window: tuple[float, float]
) -> None:
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    deep = render_levels(stored, replace(PLAIN, **how))
    assert {value: int(deep.levels[stored == value][0]) for value in levels} == levels
    assert (deep.low, deep.high) == pytest.approx(window)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16])
def test_every_stored_type_is_read(dtype: type) -> None:
    ends = np.iinfo(dtype)
    stored = np.linspace(ends.min, ends.max, 64 * 64).astype(dtype).reshape(64, 64)
    shown = render(stored, PLAIN)
    assert (shown[0, 0], shown[-1, -1]) == (0, 255)


def test_a_film_of_padding_is_black() -> None:
    stored, how = np.full((64, 64), 7, np.uint8), replace(PLAIN, padding=(0, 9))
    assert not render(stored, how).any() and not render_levels(stored, how).shown().any()
