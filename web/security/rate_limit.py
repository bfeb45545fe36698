"""Rate limits by sender: of radiographs, and of guesses at the password and at share links.

A sender may send as many radiographs at once as a batch holds, and XRAY_RATE_LIMIT a minute in the long run. Each
process counts in memory, or all together in Redis (XRAY_REDIS_URL). Redis gets no address, only a keyed hash of it.
Behind a proxy that is not announced (XRAY_PROXIES) all visitors are one sender.
"""

import hashlib
import hmac
import math
import os
import time
from collections import deque
from functools import partial
from threading import Lock
from typing import Any

from flask import Flask, Response, current_app, g, request
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded, RequestLimit
from limits import RateLimitItemPerSecond
from limits.errors import ConfigurationError
from limits.storage import MovingWindowSupport, Storage

from web.security.senders import network
from web.settings import INSTALL_CLOUD, SettingError
from xray.errors import Phrase

TOO_MANY = Phrase("Too many radiographs came from your address. Wait a minute, then send it again.")
# A class behind one address may mistype ten times at once; a machine that guesses gets one guess a second.
GUESSES, GUESSES_S = 10, 10
# Where each request is one radiograph. A form that holds many counts each: see `exceeded`.
RADIOGRAPH_RULES = frozenset({"/query", "/preview", "/batch/one", "/api/v1/analyses", "/how", "/how/cover"})
# What is drawn anew for each request, counted by itself.
DRAWN_RULES = frozenset({"/how", "/how/<name>.png", "/analyses/<id>.pdf", "/batch/download"})
# Where something secret can be guessed, each counted by itself.
GUESSED_RULES = ("/password", "/shared")
# How long Redis may take to answer, before this process counts for itself.
REDIS_TIMEOUT_S = 1.0
_TOKENS = RateLimitItemPerSecond(GUESSES, GUESSES_S)
_LIMITER, _RADIOGRAPHS = "rate_limiter", "radiographs"


class ProcessMemory(Storage, MovingWindowSupport):
    """Moving windows in the memory of this process.

    The `memory://` of limits expires its entries in a thread of its own, and hosts such as PythonAnywhere have none.
    """

    STORAGE_SCHEME = ["process"]

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._entries: dict[str, deque[float]] = {}
        self._lock, self._swept, self._longest = Lock(), time.time(), 0

    @property
    def base_exceptions(self) -> type[Exception]:
        """What a failing storage raises; memory does not fail."""
        return MemoryError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` entries if the window has room for them; tell whether it had."""
        with self._lock:
            entries = self._window(key, expiry)
            if len(entries) + amount > limit:
                return False
            entries.extend([time.time()] * amount)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Return when the oldest entry of the window was counted, and how many there are."""
        with self._lock:
            entries = self._window(key, expiry)
            return (entries[0] if entries else time.time()), len(entries)

    def _window(self, key: str, expiry: int) -> deque[float]:
        """Return the entries of a sender that have not expired; forget all senders without any, once in a while."""
        now = time.time()
        self._longest = max(self._longest, expiry)
        if now - self._swept > self._longest:
            self._swept, since = now, now - self._longest
            self._entries = {name: kept for name, kept in self._entries.items() if kept and kept[-1] > since}
        entries = self._entries.setdefault(key, deque())
        while entries and entries[0] <= now - expiry:
            entries.popleft()
        return entries

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Refuse: only moving windows are kept."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Return the number of entries."""
        return len(self._entries.get(key, ()))

    def get_expiry(self, key: str) -> float:
        """Refuse: only moving windows are kept."""
        raise NotImplementedError

    def check(self) -> bool:
        """Tell that the storage works."""
        return True

    def reset(self) -> int:
        """Forget all senders; return how many there were."""
        count = len(self._entries)
        self._entries.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget a sender."""
        self._entries.pop(key, None)


def init_app(app: Flask) -> None:
    """Count an application's radiographs and guesses before anything else is done with a request.

    Raises:
        SettingError: REDIS_URL cannot be used, or redis is not installed.
    """
    limits = [
        ApplicationLimit(
            f"{GUESSES} per {GUESSES_S} seconds",
            scope=rule,
            exempt_when=partial(_is_no_post_to, {rule}),
            on_breach=_note_wait,
        )
        for rule in GUESSED_RULES
    ]
    radiographs = _radiographs(app.config["BATCH_COUNT"], app.config["RATE_LIMIT"])
    if radiographs:
        limits.append(
            ApplicationLimit(
                radiographs,
                scope=_RADIOGRAPHS,
                exempt_when=partial(_is_no_post_to, RADIOGRAPH_RULES),
                on_breach=_note_wait,
            )
        )
        limits.append(
            ApplicationLimit(
                radiographs,
                scope="drawn",
                exempt_when=lambda: request.url_rule is None or request.url_rule.rule not in DRAWN_RULES,
                on_breach=_note_wait,
            )
        )
    limiter = _limiter(app.config["REDIS_URL"], limits)
    try:
        limiter.init_app(app)
    except (ConfigurationError, TypeError, ValueError) as error:
        # The URL may hold a password, so it is not repeated.
        raise SettingError(
            "XRAY_REDIS_URL: expected an address such as redis://host:6379. Received one that cannot be used. Correct "
            "it, or remove it: then each instance counts for itself."
        ) from error
    app.after_request(_add_wait)
    app.extensions[_LIMITER] = limiter
    app.extensions[_RADIOGRAPHS] = limiter.shared_limit(radiographs, _RADIOGRAPHS) if radiographs else None


def exceeded() -> bool:
    """Count one radiograph of a form that holds many; tell whether its sender has sent too many."""
    limit = current_app.extensions[_RADIOGRAPHS]
    if limit is None:
        return False
    try:
        with limit:
            return False
    except RateLimitExceeded:
        return True


def guessed_too_often() -> bool:
    """Tell whether a sender has sent so many wrong tokens that no more are compared for now."""
    limiter: Limiter = current_app.extensions[_LIMITER]
    try:
        if limiter.limiter.test(_TOKENS, "tokens", _sender()):
            return False
    except limiter.storage.base_exceptions:
        return False
    g.retry_after = GUESSES_S
    return True


def note_guess() -> None:
    """Count a wrong token."""
    limiter: Limiter = current_app.extensions[_LIMITER]
    try:
        limiter.limiter.hit(_TOKENS, "tokens", _sender())
    except limiter.storage.base_exceptions:
        pass  # Redis gives no answer


def forgive() -> None:
    """Forget the guesses of a sender who knew the secret, so that a class can enter together."""
    limiter: Limiter = current_app.extensions[_LIMITER]
    try:
        for each in limiter.current_limits:
            limiter.limiter.clear(each.limit, *each.request_args)
    except limiter.storage.base_exceptions:
        pass  # Redis gives no answer: the guesses expire by themselves


def _radiographs(batch: int, per_minute: int) -> str:
    """Return the limit in Flask-Limiter's notation: in the time that `per_minute` takes for them, a batch and more."""
    if not per_minute:
        return ""
    most = batch + per_minute
    return f"{most} per {math.ceil(60 * most / per_minute)} seconds"


def _limiter(redis_url: str, limits: list[ApplicationLimit]) -> Limiter:
    return Limiter(
        _sender,
        application_limits=list(limits),
        strategy="moving-window",
        storage_uri=redis_url or "process://",
        storage_options=_redis_options(redis_url) if redis_url else {},
        in_memory_fallback_enabled=bool(redis_url),
        key_prefix="xray",
    )


def _redis_options(url: str) -> dict[str, Any]:
    """Return the options of the Redis client.

    Source:
        "Connecting to Heroku Key-Value Store", Heroku Dev Center: its certificates are self-signed.
    """
    try:
        import redis.backoff
        import redis.retry
    except ImportError as error:
        raise SettingError(
            f"XRAY_REDIS_URL needs redis, which is not installed. Install it with: {INSTALL_CLOUD}"
        ) from error
    self_signed = "DYNO" in os.environ and url.startswith("rediss://")
    return {
        "socket_timeout": REDIS_TIMEOUT_S,
        "socket_connect_timeout": REDIS_TIMEOUT_S,
        "retry": redis.retry.Retry(redis.backoff.NoBackoff(), 1),  # servers close idle connections
        **({"ssl_cert_reqs": None} if self_signed else {}),
    }


def _sender() -> str:
    """Return the key of whoever sends the request: nobody can tell the address by it."""
    secret = str(current_app.secret_key).encode()
    address = network(request.remote_addr or "").encode(errors="surrogatepass")
    return hmac.new(secret, address, hashlib.sha256).hexdigest()[:32]


def sender_group() -> str:
    """Return the sender's group, one of 65,536: too few to tell an address, even with the key."""
    return _sender()[:4]


def _is_no_post_to(rules: set[str] | frozenset[str]) -> bool:
    return request.method != "POST" or request.url_rule is None or request.url_rule.rule not in rules


def _note_wait(limit: RequestLimit) -> None:
    """Note when the sender may try again."""
    g.retry_after = max(1, limit.reset_at - int(time.time()))


def _add_wait(response: Response) -> Response:
    if "retry_after" in g:
        response.headers["Retry-After"] = str(g.retry_after)
    return response
