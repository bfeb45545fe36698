"""What the benchmarks say follows from what they measured."""

import numpy as np
import pytest

from benchmarks import fuzz
from benchmarks.figure import Figure, median_and_p95, table
from benchmarks.fuzz_inputs import corpus
from benchmarks.soak import EXPECTED, uploads


@pytest.mark.parametrize(
    ("figure", "met", "ratio"),
    [
        (Figure("a", 50.0, 250.0, "ms", most=1 / 4), True, "1/5.0"),
        (Figure("a", 70.0, 250.0, "ms", most=1 / 4), False, "1/3.6"),
        (Figure("a", 32.0, 4.0, "/s", least=8), True, "8.0 times"),
        (Figure("a", 100.0, 900.0, "MB", most=1 / 5, limit=160), True, "1/9.0"),
        (Figure("a", 170.0, 900.0, "MB", most=1 / 5, limit=160), False, "1/5.3"),
        (Figure("a", 26.0, None, "/s", floor=25), True, ""),
        (Figure("a", 26.0, None, "ms", most=1 / 4), None, ""),
        (Figure("a", 26.0, 13.0, "ms"), None, "2.0 times"),
    ],
)
def test_a_target_is_met_or_missed(figure: Figure, met: bool | None, ratio: str) -> None:
    assert figure.met is met
    assert figure.cells()[3] == ratio
    assert table([figure]).splitlines()[-1].endswith({True: "yes |", False: "**no** |", None: " |"}[met])


def test_middle_and_tail_are_those_of_the_values() -> None:
    assert median_and_p95([float(value) for value in range(101)]) == (50, 95)


def test_the_soak_sends_every_kind_and_knows_what_may_lie_about() -> None:
    kinds = {upload.kind for upload in uploads(500)}
    assert kinds == {"good", "bad", "huge pixels", "huge file", "slow", "broken off"}
    assert EXPECTED.fullmatch("copies/NEGATIVE_Prob_03_Name_film_AbC-_12345678901234567.png")
    assert not EXPECTED.fullmatch("copies/.x7.part") and not EXPECTED.fullmatch("tmpab12")
    assert np.isin([200, 413], [status for upload in uploads(500) for status in upload.expected]).all()


def test_the_fuzzer_starts_from_files_that_are_read_and_makes_the_same_inputs_again() -> None:
    assert {fuzz.outcome(data) for _, data in corpus()} == {"read"}
    assert fuzz.made(1, 7) == fuzz.made(1, 7) != fuzz.made(2, 7)
    assert fuzz.outcome(b"no film") == "UnreadableImageError"
