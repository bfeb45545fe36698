"""Deployment settings."""

import pytest
from flask import Flask

from web.settings import MIB, SettingError, configure, port_of


@pytest.fixture
def app() -> Flask:
    return Flask("empty")


def test_defaults_are_safe(app):
    configure(app)
    assert app.config["MAX_CONTENT_LENGTH"] == 32 * MIB
    assert app.config["SESSION_COOKIE_HTTPONLY"] is True
    assert app.config["SESSION_COOKIE_SAMESITE"] == "Lax"
    assert app.config["PROXIES"] == 0
    assert not app.debug


def test_the_environment_overrides_the_defaults_and_the_caller_overrides_both(app, monkeypatch):
    monkeypatch.setenv("XRAY_PROXIES", "1")
    monkeypatch.setenv("XRAY_METRICS", "true")
    monkeypatch.setenv("XRAY_ANALYSIS_DIR", "/from/environment")
    configure(app, {"ANALYSIS_DIR": "/from/caller"})
    assert (app.config["PROXIES"], app.config["METRICS"], app.config["ANALYSIS_DIR"]) == (1, True, "/from/caller")


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_hosts_name_theirs_and_ours_takes_precedence(app, monkeypatch, name):
    monkeypatch.setenv(name, "scheme://host")
    configure(app)
    assert app.config[name] == "scheme://host"
    monkeypatch.setenv(f"XRAY_{name}", "")
    configure(app)
    assert app.config[name] == ""


@pytest.mark.parametrize(
    "setting",
    ["PROXIES=one", "PROXIES=true", "PROXIES=-1", "PROXIES=", "MAX_CONTENT_LENGTH=32MB", "MAX_CONTENT_LENGTH=0"]
    + ["THREADS=0", "SESSION_COOKIE_SECURE=yes", "SECRET_KEY=short", "LOG_FORMAT=xml"],
)
def test_a_setting_that_cannot_work_stops_start_up_and_is_named(app, monkeypatch, setting):
    name, _, value = setting.partition("=")
    monkeypatch.setenv(f"XRAY_{name}", value)
    with pytest.raises(SettingError, match=f"XRAY_{name}: expected .* received"):
        configure(app)


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1", " ", "٥"])
def test_a_port_that_is_none_is_named(port):
    with pytest.raises(SettingError, match=f"PORT: expected a number from 1 to 65535, received '{port}'"):
        port_of({"PORT": port})
    assert (port_of({}), port_of({"PORT": ""}), port_of({"PORT": "65535"})) == (5000, 5000, 65535)
