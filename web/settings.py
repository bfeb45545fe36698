"""Deployment settings: safe defaults, then XRAY_… environment variables, then the caller's mapping."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from flask import Flask

from xray.errors import XrayError
from xray.registry import BACKBONE

ROOT = Path(__file__).resolve().parents[1]
MIB = 1024 * 1024
SHORTEST_KEY = 16
LOG_FORMATS = ("text", "json")

DEFAULTS: dict[str, object] = {
    "MODEL_DIR": str(ROOT / "model"),
    # The network that both models stand on: a folder of MODEL_DIR.
    "BACKBONE": BACKBONE,
    "ANALYSIS_DIR": str(ROOT / "static" / "xray_analysis"),
    "INSTANCE_DIR": str(ROOT / "instance"),
    # The table of analyses; hosts name theirs in DATABASE_URL. Empty: a file in INSTANCE_DIR.
    "DATABASE_URL": "",
    # Where pictures and annotated copies are kept, such as s3://bucket/folder, instead of in the two folders above.
    "STORE": "",
    # Where instances count films and passwords together; hosts name it in REDIS_URL. Empty: each for itself.
    "REDIS_URL": "",
    # An analysis is taken away when it is older, or when there are more.
    "KEEP_DAYS": 30,
    "KEEP_COUNT": 2000,
    # Asked of everybody before anything is shown; empty: nobody is asked.
    "PASSWORD": "",
    # Of the programs' interface, apart by commas; empty: no token is asked.
    "API_TOKENS": "",
    # Interpreters kept, and threads of each: as many pictures at once as a small host has cores.
    "POOL_SIZE": 1,
    "THREADS": 2,
    # Films that one address may send a minute, once it has sent a whole batch; 0: no limit.
    "RATE_LIMIT": 120,
    # Whether /metrics shows what is counted; a proxy must keep strangers from it.
    "METRICS": False,
    # Of the log's lines: text, or json for machines that collect them.
    "LOG_FORMAT": "text",
    # Whether others than this machine are served: gunicorn.conf.py says so. Then the key must be set.
    "PUBLIC": False,
    # How many proxies in front may be believed about scheme and address; Heroku has one.
    "PROXIES": 0,
    "MAX_CONTENT_LENGTH": 32 * MIB,
    # The form but its picture: a model's name and a token. Werkzeug adds its reading buffer of 64 KiB, so
    # less than twice that would refuse large pictures.
    "MAX_FORM_MEMORY_SIZE": 256 * 1024,
    "MAX_FORM_PARTS": 16,
    # Pictures in one batch; what zips may unpack to, each; and what a browser without JavaScript sends at once.
    "BATCH_COUNT": 1000,
    "BATCH_UNPACKED_BYTES": 2048 * MIB,
    "BATCH_CONTENT_LENGTH": 256 * MIB,
    "SESSION_COOKIE_NAME": "xray_session",
    "SESSION_REFRESH_EACH_REQUEST": False,  # web.security.visitors does it once a day
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_COOKIE_SECURE": False,  # security.SchemeSessions adds it wherever the request came by TLS
}


class SettingError(XrayError):
    """A deployment setting that cannot be used; stops start-up."""


def configure(app: Flask, overrides: Mapping[str, object] | None = None) -> None:
    """Fill the application's configuration and refuse what cannot work.

    Args:
        app: the application to configure.
        overrides: values that win over the environment; tests pass them.

    Raises:
        SettingError: a value of the wrong kind, a number too small, or a secret key too short to be one.
    """
    app.config.from_mapping(DEFAULTS)
    # An open page stays valid as long as its session: a reading room leaves it open over lunch.
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    for name in ("DATABASE_URL", "REDIS_URL"):
        app.config[name] = os.environ.get(name, "")
    app.config.from_prefixed_env("XRAY")
    app.config.from_mapping(overrides or {})
    for name, default in DEFAULTS.items():
        app.config[name] = _checked(name, app.config[name], default)
    # A browser knows its analyses as long as they are kept; none keeps a cookie for longer than 400 days.
    app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(days=min(app.config["KEEP_DAYS"], 400))
    if isinstance(hosts := app.config["TRUSTED_HOSTS"], str):
        app.config["TRUSTED_HOSTS"] = [host.strip() for host in hosts.split(",") if host.strip()] or None
    if app.config["LOG_FORMAT"] not in LOG_FORMATS:
        raise SettingError(
            f"XRAY_LOG_FORMAT: expected {' or '.join(LOG_FORMATS)}, received {app.config['LOG_FORMAT']!r}. "
            "Correct or remove it."
        )
    if (key := app.config["SECRET_KEY"]) is not None:
        app.config["SECRET_KEY"] = _checked_key(str(key))


def port_of(environment: Mapping[str, str]) -> int:
    """Return the port to serve: PORT, or 5000 where it is unset or empty, as gunicorn.conf.py has it.

    Raises:
        SettingError: PORT is no number from 1 to 65535.
    """
    named = environment.get("PORT") or "5000"
    if not (named.isascii() and named.isdigit() and 1 <= int(named) <= 65535):
        raise SettingError(f"PORT: expected a number from 1 to 65535, received {named!r}. Correct or remove it.")
    return int(named)


def _checked(name: str, value: object, default: object) -> object:
    if isinstance(default, str):
        # Word for word: a password of digits is no number.
        return os.environ.get(f"XRAY_{name}", str(value)) if not isinstance(value, str) else value
    if type(value) is not type(default):
        expected = {int: "a whole number", bool: "true or false"}[type(default)]
        raise SettingError(f"XRAY_{name}: expected {expected}, received {value!r}. Correct or remove it.")
    least = 0 if name in ("PROXIES", "RATE_LIMIT") else 1
    if type(value) is int and value < least:
        raise SettingError(f"XRAY_{name}: expected at least {least}, received {value}. Correct or remove it.")
    return value


def _checked_key(key: str) -> str:
    if len(key) < SHORTEST_KEY:
        raise SettingError(
            f"XRAY_SECRET_KEY: expected at least {SHORTEST_KEY} characters, received {len(key)}. "
            "Make one with: python -c 'import secrets; print(secrets.token_hex())'"
        )
    return key
