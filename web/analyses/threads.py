"""Whether work can be given to other threads."""

from threading import current_thread, main_thread


def alone() -> bool:
    """Tell whether this is a server without threads: it answers in the first one, and others would never run."""
    return current_thread() is main_thread()
