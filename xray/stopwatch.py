"""Stage timing."""

import time
from collections.abc import Callable


class Stopwatch:
    """Records the time of each stage.

    Attributes:
        seconds: by the name of each stage, in the order in which they were done.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Start.

        Args:
            clock: monotonic, in seconds.
        """
        self.seconds: dict[str, float] = {}
        self._clock, self._since = clock, clock()

    def lap(self, stage: str) -> None:
        """End a stage, which took the time since the previous one ended."""
        now = self._clock()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now
