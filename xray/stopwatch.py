"""How long each stage of a piece of work took."""

import time
from collections.abc import Callable


class Stopwatch:
    """Notes the time between one lap and the next.

    Attributes:
        seconds: by the name of each stage, in the order in which they were done.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Start; the clock, in seconds, never goes back."""
        self.seconds: dict[str, float] = {}
        self._clock, self._since = clock, clock()

    def lap(self, stage: str) -> None:
        """End a stage: it took the time since the one before."""
        now = self._clock()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now
