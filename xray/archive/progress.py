"""How far a run is: films, films a second, time left."""

import time
from datetime import timedelta
from typing import TextIO

# On a terminal one line is rewritten; elsewhere, such as in the log of a cluster, a new line now and then will do.
SECONDS = {True: 0.5, False: 30.0}
# The rate is that of the last part of the run, so that the loading of networks is soon forgotten.
WINDOW_SECONDS = 60.0


class Progress:
    """Lines that say how far one stage of a run is."""

    def __init__(self, doing: str, out: TextIO, total: int | None = None) -> None:
        """Begin a stage.

        Args:
            doing: what is done, such as "judged".
            out: where it is said.
            total: films to come, where it is known.
        """
        self._doing, self._out, self._total = doing, out, total
        self._done = 0
        self._start = self._shown = time.monotonic()
        self._marks = [(self._start, 0)]

    def step(self) -> None:
        """Count a film, and say so when it is time."""
        self._done += 1
        now = time.monotonic()
        if now - self._shown >= SECONDS[self._out.isatty()]:
            self._shown = now
            self._marks = [mark for mark in self._marks if now - mark[0] < WINDOW_SECONDS] or self._marks[-1:]
            since, before = self._marks[0]
            self._marks.append((now, self._done))
            self._say((self._done - before) / (now - since), last=False)

    def end(self) -> None:
        """Say how it went."""
        self._say(self._done / max(time.monotonic() - self._start, 1e-9), last=True)

    def _say(self, rate: float, *, last: bool) -> None:
        terminal = self._out.isatty()
        line = f"{self._doing} {self._done:,}" + (f" of {self._total:,}" if self._total is not None else "")
        line += f" films, {rate:.1f} a second"
        if last:
            line += f", in {_duration(time.monotonic() - self._start)}"
        elif self._total and rate:
            line += f", {_duration((self._total - self._done) / rate)} left"
        self._out.write(("\r\033[K" if terminal else "") + line + ("\n" if last or not terminal else ""))
        self._out.flush()


def _duration(seconds: float) -> str:
    """Write seconds as hours, minutes and seconds, such as 1:02:03."""
    return str(timedelta(seconds=round(seconds)))
