"""Deployment settings: one schema of the XRAY_… environment variables, checked at start-up.

This file imports nothing of ours, so that every other module may import it.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from flask import Flask
from msgspec import Meta

ROOT = Path(__file__).resolve().parents[1]
MIB = 1024 * 1024
SHORTEST_KEY = 16
# What installs the clients of PostgreSQL, S3 and Redis.
INSTALL_CLOUD = "pip install uv; uv sync --frozen --extra cloud"
# Browsers keep no cookie for longer.
# Source: RFC 6265bis, section 5.5.
MOST_COOKIE_DAYS = 400

Count = Annotated[int, Meta(ge=1, description="a whole number of at least 1")]
CountOrNone = Annotated[int, Meta(ge=0, description="a whole number of at least 0")]
Switch = Annotated[bool, Meta(description="true or false")]
Words = Annotated[str, Meta(description="text")]
Key = Annotated[str | None, Meta(description="text")]
LogFormat = Annotated[Literal["text", "json"], Meta(description="text or json")]
HostNames = Annotated[list[str] | None, Meta(description="host names, comma-separated")]


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename=str.upper):
    """The settings by which a deployment may differ; docs/settings.md explains each under its name, XRAY_ in front."""

    # Folders, and the backbone's folder in MODEL_DIR.
    model_dir: Words = str(ROOT / "model")
    analysis_dir: Words = str(ROOT / "static" / "xray_analysis")
    instance_dir: Words = str(ROOT / "instance")
    backbone: Words = "vgg16_cxr"
    # What several instances share. Hosts also name the database in DATABASE_URL and Redis in REDIS_URL.
    database_url: Words = ""
    store: Words = ""
    redis_url: Words = ""
    # An analysis expires when it is older, or when there are more.
    keep_days: Count = 30
    keep_count: Count = 2000
    # Who may enter, and under which names; PUBLIC is set by gunicorn.conf.py.
    secret_key: Key = None
    password: Words = ""
    api_tokens: Words = ""
    public: Switch = False
    trusted_hosts: HostNames = None
    proxies: CountOrNone = 0
    session_cookie_secure: Switch = False  # by TLS it is set anyway: web.security.headers.SchemeSessions
    # Radiographs analysed at the same time, and processor threads of each.
    pool_size: Count = 1
    threads: Count = 2
    # Limits; a batch's unpacked bytes are those of all its zips, its content length that of a form without JavaScript.
    rate_limit: CountOrNone = 120
    max_content_length: Count = 32 * MIB
    batch_count: Count = 1000
    batch_unpacked_bytes: Count = 2048 * MIB
    batch_content_length: Count = 256 * MIB
    metrics: Switch = False
    log_format: LogFormat = "text"


# Flask's own settings, the same in every deployment.
FLASK_SETTINGS: dict[str, object] = {
    # A form without its file: a model's name and a token. Werkzeug adds its read buffer of 64 KiB, so less than twice
    # that would refuse large files.
    "MAX_FORM_MEMORY_SIZE": 256 * 1024,
    "MAX_FORM_PARTS": 16,
    "SESSION_COOKIE_NAME": "xray_session",
    "SESSION_REFRESH_EACH_REQUEST": False,  # web.security.visitors does it once a day
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    # An open page stays valid as long as its session: a reading room leaves it open over lunch.
    "WTF_CSRF_TIME_LIMIT": None,
}


class SettingError(Exception):
    """A deployment setting that cannot be used; stops start-up."""


def configure(app: Flask, overrides: Mapping[str, object] | None = None) -> None:
    """Fill an application's configuration from the defaults, the environment and the caller.

    Args:
        app: The application.
        overrides: Values that take precedence over the environment; tests pass them.

    Raises:
        SettingError: A value has the wrong type or is out of range; the message names the setting.
    """
    app.config.from_mapping(FLASK_SETTINGS)
    app.config.from_mapping(overrides or {})
    for field in msgspec.structs.fields(Settings):
        name = field.encode_name
        value = (overrides or {}).get(name, _environment(name, field.default))
        app.config[name] = _checked(name, value, field.type)
    if app.config["SECRET_KEY"] is not None:
        _check_key(app.config["SECRET_KEY"])
    # A browser's session lasts as long as its analyses are kept.
    app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(days=min(app.config["KEEP_DAYS"], MOST_COOKIE_DAYS))


def names() -> list[str]:
    """Return the names of the environment variables."""
    return [f"XRAY_{field.encode_name}" for field in msgspec.structs.fields(Settings)]


def port_of(environment: Mapping[str, str]) -> int:
    """Return the port to serve: PORT, or 5000 where it is unset or empty, as gunicorn.conf.py has it.

    Raises:
        SettingError: PORT is no number from 1 to 65535.
    """
    named = environment.get("PORT") or "5000"
    if not (named.isascii() and named.isdigit() and 1 <= int(named) <= 65535):
        raise SettingError(f"PORT: expected a number from 1 to 65535, received {named!r}. Correct or remove it.")
    return int(named)


def _environment(name: str, default: object) -> object:
    if name in ("DATABASE_URL", "REDIS_URL"):
        default = os.environ.get(name, default)
    return os.environ.get(f"XRAY_{name}", default)


def _checked(name: str, value: object, kind: Any) -> object:
    """Convert a value to the type that the schema states."""
    if kind is HostNames and isinstance(value, str):
        value = [host.strip() for host in value.split(",") if host.strip()] or None
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        expected = next(each.description for each in get_args(kind) if isinstance(each, Meta))
        raise SettingError(f"XRAY_{name}: expected {expected}, received {value!r}. Correct or remove it.") from error


def _check_key(key: str) -> None:
    if len(key) < SHORTEST_KEY:
        raise SettingError(
            f"XRAY_SECRET_KEY: expected at least {SHORTEST_KEY} characters, received {len(key)}. "
            "Make one with: python -c 'import secrets; print(secrets.token_hex())'"
        )
