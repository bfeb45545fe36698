"""How long each stage took."""

from xray.analysis import Stopwatch


def test_a_stage_takes_the_time_since_the_one_before_and_one_that_comes_twice_is_added_up() -> None:
    times = iter([10.0, 11.0, 13.0, 13.5])
    watch = Stopwatch(lambda: next(times))
    for stage in ("decode", "lungs", "decode"):
        watch.lap(stage)
    assert watch.seconds == {"decode": 1.5, "lungs": 2.0}
