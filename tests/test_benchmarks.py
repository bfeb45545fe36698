"""What the benchmarks say follows from what they measured."""

import numpy as np
import pytest

from benchmarks import fuzz
from benchmarks.figure import Figure, median_and_p95, table
from benchmarks.soak import EXPECTED, uploads


@pytest.mark.parametrize(
    ("figure", "cells"),
    [
        (Figure("a", 50.0, 250.0, "ms", "at most 1/4", True), ["50.0 ms", "250 ms", "1/5.0", "at most 1/4", "yes"]),
        (Figure("a", 32.0, 64.0, "/s", "faster", False), ["32.0 /s", "64.0 /s", "1/2.0", "faster", "**no**"]),
        (Figure("a", 26.0, 13.0, "ms"), ["26.0 ms", "13.0 ms", "2.0 times", "", ""]),
        (Figure("a", 2.6, None, "ms"), ["2.60 ms", "–", "", "", ""]),
    ],
)
def test_a_row_holds_both_figures_their_ratio_and_whether_the_target_was_met(figure: Figure, cells: list[str]) -> None:
    assert table([figure]).splitlines()[-1] == f"| a | {' | '.join(cells)} |"


def test_middle_and_tail_are_those_of_the_values() -> None:
    assert median_and_p95([float(value) for value in range(101)]) == (50, 95)


def test_the_soak_sends_every_kind_and_knows_what_may_lie_about() -> None:
    kinds = {upload.kind for upload in uploads(500)}
    assert kinds == {"good", "bad", "huge pixels", "huge file", "slow", "broken off"}
    assert EXPECTED.fullmatch("copies/NEGATIVE_Prob_03_Name_film_AbC-_12345678901234567.png")
    assert not EXPECTED.fullmatch("copies/.x7.part") and not EXPECTED.fullmatch("tmpab12")
    assert np.isin([200, 413], [status for upload in uploads(500) for status in upload.expected]).all()


def test_the_fuzzer_starts_from_files_that_are_read_and_makes_the_same_inputs_again() -> None:
    assert {fuzz.outcome(data) for _, data in fuzz.corpus()} == {"read"}
    assert fuzz.made(1, 7) == fuzz.made(1, 7) != fuzz.made(2, 7)
    assert fuzz.outcome(b"no film") == "UnreadableImageError"
