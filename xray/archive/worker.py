"""A process that judges films for xray/archive/local_engine.py: how it begins, works, and ends."""

import multiprocessing
import os
import signal
from threading import Thread

from xray.archive.analyses import Judge, Task
from xray.archive.row import Content, Judged

_judges: list[Judge] = []


def begin(task: Task) -> None:
    """Load the networks; an interrupt is the main process's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    _judges[:] = [Judge(task)]


def ready() -> bool:
    """Tell that the networks are loaded."""
    return bool(_judges)


def judge(film: Content) -> Judged:
    """Judge a film; see Judge."""
    return _judges[0].judge(film)


def _end_with_parent() -> None:
    """Wait until the main process is gone, however it ended."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
