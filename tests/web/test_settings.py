"""Deployment settings."""

import pytest
from flask import Flask

from web.settings import MIB, SettingError, configure


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
    monkeypatch.setenv("XRAY_ANALYSIS_DIR", "/from/environment")
    configure(app, {"ANALYSIS_DIR": "/from/caller"})
    assert (app.config["PROXIES"], app.config["ANALYSIS_DIR"]) == (1, "/from/caller")


def test_a_key_of_digits_stays_text(app, monkeypatch):
    monkeypatch.setenv("XRAY_SECRET_KEY", "12345678901234567890")
    configure(app)
    assert app.config["SECRET_KEY"] == "12345678901234567890"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROXIES", "one"),
        ("PROXIES", "true"),
        ("PROXIES", "-1"),
        ("MAX_CONTENT_LENGTH", "32MB"),
        ("MAX_CONTENT_LENGTH", "0"),
        ("THREADS", "0"),
        ("SESSION_COOKIE_SECURE", "yes"),
        ("SECRET_KEY", "short"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_setting_that_cannot_work_stops_start_up_and_is_named(app, monkeypatch, name, value):
    monkeypatch.setenv(f"XRAY_{name}", value)
    with pytest.raises(SettingError, match=f"XRAY_{name}: expected .* received"):
        configure(app)
