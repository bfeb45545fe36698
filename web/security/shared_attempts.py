"""Attempts that all instances count together. Here alone redis is imported, and only where XRAY_REDIS_URL is set.

Redis is told no address, only what a secret key makes of it, and forgets it as soon as nothing is left to count.
"""

import hashlib
import hmac
import logging
import os
import time
from collections.abc import Callable
from typing import Any

from flask import Flask

from web.security.attempts import AT_ONCE, PER_SECOND, Attempts, network
from web.settings import SettingError

log = logging.getLogger(__name__)

# A visitor waits no longer for a count; then each instance counts for itself for a while.
ANSWER_S = 1.0
SILENT_S = 10.0

# The same leaky bucket as in web/security/attempts.py, by the clock of Redis, in one atomic step.
TAKE = """
local at_once, per_second = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local found = redis.call('HMGET', KEYS[1], 'level', 'since')
local level, since = tonumber(found[1]) or 0, tonumber(found[2]) or now
level = math.max(0, level - per_second * math.max(0, now - since))
local wait = 0
if level + 1 <= at_once then
    level = level + 1
else
    wait = math.max(1, math.ceil((level + 1 - at_once) / per_second))
end
redis.call('HSET', KEYS[1], 'level', string.format('%.6f', level), 'since', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], math.ceil(level / per_second) + 1)
return wait
"""


def counted(app: Flask, name: str, *, at_once: int = AT_ONCE, per_second: float = PER_SECOND) -> Attempts:
    """Return what counts attempts for an application: by itself, or with others where XRAY_REDIS_URL says where.

    Args:
        app: the application.
        name: of what is attempted, in letters.
        at_once: how many may come together.
        per_second: how many more each second.

    Raises:
        SettingError: the address cannot be used, or redis is not installed.
    """
    if not app.config["REDIS_URL"]:
        return Attempts(at_once=at_once, per_second=per_second)
    if "redis" not in app.extensions:
        app.extensions["redis"] = _client(app.config["REDIS_URL"])
    return SharedAttempts(app, name, at_once=at_once, per_second=per_second)


class SharedAttempts(Attempts):
    """A leaky bucket for each address, shared by all instances; while Redis is silent, one for each instance."""

    def __init__(self, app: Flask, name: str, *, at_once: int, per_second: float) -> None:
        """Count what is called so."""
        super().__init__(at_once=at_once, per_second=per_second)
        self._app, self._name, self._rates = app, name, (at_once, per_second)
        self._redis = app.extensions["redis"]
        self._script = self._redis.register_script(TAKE)
        self._ask_again = 0.0

    def take(self, address: str) -> int:
        """Count an attempt: 0 if it may be looked at; else after how many whole seconds the next one may."""
        wait = self._asked(lambda: self._script(keys=[self._key(address)], args=self._rates))
        return super().take(address) if wait is None else int(wait)

    def forgive(self, address: str) -> None:
        """Forget the attempts of an address that knew the password."""
        super().forgive(address)
        self._asked(lambda: self._redis.delete(self._key(address)))

    def _key(self, address: str) -> str:
        # The key is there only when the application is: see web/security/headers.py.
        secret = str(self._app.secret_key).encode()
        digest = hmac.new(secret, network(address).encode(errors="surrogatepass"), hashlib.sha256).hexdigest()
        return f"xray:{self._name}:{digest[:32]}"

    def _asked(self, question: Callable[[], Any]) -> Any:
        """Ask Redis; None where it gives no answer: nobody is locked out, and nobody let in, because of that."""
        from redis.exceptions import RedisError

        if time.monotonic() < self._ask_again:
            return None
        try:
            return question()
        except (RedisError, OSError) as error:
            self._ask_again = time.monotonic() + SILENT_S
            log.warning("Redis gives no answer (%s): each instance counts for itself", type(error).__name__)
            return None


def _trust(url: str) -> dict[str, None]:
    """Take Heroku's own certificates, which nobody signed, and elsewhere only those that can be checked.

    Source:
        "Connecting to Heroku Key-Value Store", Heroku Dev Center.
    """
    return {"ssl_cert_reqs": None} if "DYNO" in os.environ and url.startswith("rediss://") else {}


def _client(url: str) -> Any:
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError as error:
        raise SettingError(
            "XRAY_REDIS_URL needs redis, which is not installed. Install it with: pip install -r requirements-cloud.txt"
        ) from error
    try:
        return Redis.from_url(
            url,
            socket_timeout=ANSWER_S,
            socket_connect_timeout=ANSWER_S,
            # One more: servers close connections that nobody used for some minutes.
            retry=Retry(NoBackoff(), 1),
            **_trust(url),
        )
    except (ValueError, TypeError) as error:
        raise SettingError(
            "XRAY_REDIS_URL: expected an address such as redis://host:6379. Received one that cannot be used. Correct "
            "it, or remove it: then each instance counts for itself."
        ) from error
