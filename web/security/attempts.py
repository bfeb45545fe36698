"""How often an address may do something: guess the password, send a film. Each process counts, and no thread waits.

For instances that count together see web/security/shared_attempts.py.
"""

import ipaddress
import math
import threading
import time
from collections.abc import Callable

# A class behind one address may mistype ten times at once; a machine that guesses gets one guess a second.
AT_ONCE = 10
PER_SECOND = 1.0
# Of addresses that are remembered: more come only from an attack.
MOST_ADDRESSES = 4096


class Attempts:
    """A leaky bucket for each address; any number of threads may use it.

    Source:
        Leaky bucket as a meter: ITU-T I.371, appendix A.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        at_once: int = AT_ONCE,
        per_second: float = PER_SECOND,
    ) -> None:
        """Begin with nobody remembered; the clock, in seconds, never goes back."""
        self._clock, self._at_once, self._per_second = clock, at_once, per_second
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}  # how full, and when it was

    def take(self, address: str) -> int:
        """Count an attempt before it is looked at.

        Args:
            address: of whoever tries.

        Returns:
            0 if it may be looked at; else after how many whole seconds the next one may.
        """
        key, now = network(address), self._clock()
        with self._lock:
            level, since = self._buckets.pop(key, (0.0, now))
            level = max(0.0, level - self._per_second * (now - since))
            allowed = level + 1 <= self._at_once
            self._buckets[key] = (level + allowed, now)
            if len(self._buckets) > MOST_ADDRESSES:
                # The one that was silent longest stands first.
                del self._buckets[next(iter(self._buckets))]
        return 0 if allowed else max(1, math.ceil((level + 1 - self._at_once) / self._per_second))

    def forgive(self, address: str) -> None:
        """Forget the attempts of an address that knew the password."""
        with self._lock:
            self._buckets.pop(network(address), None)


def network(address: str) -> str:
    """Return what stands for an address: one household holds 2 to the power of 64 of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
