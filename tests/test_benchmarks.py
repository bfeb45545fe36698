"""What the benchmarks say follows from what they measured."""

import numpy as np

from benchmarks import fuzz
from benchmarks.soak import EXPECTED, uploads


def test_the_soak_sends_every_kind_and_knows_what_may_lie_about() -> None:
    kinds = {upload.kind for upload in uploads(500)}
    assert kinds == {"good", "bad", "huge pixels", "huge file", "slow", "broken off"}
    assert EXPECTED.fullmatch("copies/NEGATIVE_Prob_03_Name_film_AbC-_12345678901234567.jpg")
    assert not EXPECTED.fullmatch("copies/.x7.part") and not EXPECTED.fullmatch("tmpab12")
    assert np.isin([200, 413], [status for upload in uploads(500) for status in upload.expected]).all()


def test_the_fuzzer_starts_from_files_that_are_read_and_makes_the_same_inputs_again() -> None:
    assert {fuzz.outcome(data) for _, data in fuzz.corpus()} == {"read"}
    assert fuzz.made(1, 7) == fuzz.made(1, 7) != fuzz.made(2, 7)
    assert fuzz.outcome(b"no film") == "UnreadableImageError"
