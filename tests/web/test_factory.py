"""The application as a whole, and the two ways to start it."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.web.cloud.programs import free_port, until
from web import factory
from web.factory import create_app
from web.settings import SettingError
from xray.errors import ModelError

ROOT = Path(__file__).resolve().parents[2]
GUNICORN = [sys.executable, "-m", "gunicorn", "app:app"]


@pytest.fixture
def environment(tmp_path):
    """A deployment of its own, on a free port."""
    return os.environ | {
        "PORT": str(free_port()),
        "XRAY_SECRET_KEY": "a key for tests only",
        "XRAY_INSTANCE_DIR": str(tmp_path),
        "XRAY_ANALYSIS_DIR": str(tmp_path / "copies"),
    }


def test_without_models_there_is_no_application(config, tmp_path):
    with pytest.raises(ModelError, match="git checkout -- model"):
        create_app(config | {"MODEL_DIR": str(tmp_path / "nothing")})


def test_a_package_that_is_imported_late_is_missed_at_start_up(config, monkeypatch):
    monkeypatch.setattr(factory, "find_spec", lambda name: None if name == "pydicom" else find_spec(name))
    with pytest.raises(SettingError, match="Missing: pydicom. Install them: pip install -r requirements.txt"):
        create_app(config)


@pytest.mark.parametrize(
    ("command", "setting", "message"),
    [
        ([sys.executable, "app.py"], "XRAY_MODEL_DIR=/nowhere", "make models"),
        (GUNICORN, "XRAY_BACKBONE=vgg19", "to name one of vgg16_cxr"),
    ],
    ids=["python", "gunicorn"],
)
def test_what_stops_start_up_is_one_clear_line(environment, command, setting, message):
    name, _, value = setting.partition("=")
    ended = subprocess.run(
        command, cwd=ROOT, env=environment | {name: value}, capture_output=True, text=True, timeout=180
    )
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    lines = [line for line in ended.stderr.splitlines() if line.startswith("Cannot start: ")]
    assert len(lines) == 1 and message in lines[0]


@pytest.mark.parametrize("command", [[sys.executable, "app.py"], GUNICORN], ids=["python", "gunicorn"])
def test_both_commands_serve(environment, command):
    if not any((ROOT / "model").glob("*/metadata.json")):
        pytest.skip("needs the artefacts of model/: run `make models`")
    address = f"http://localhost:{environment['PORT']}/healthz"
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert b'"status":"ok"' in until(lambda: urlopen(address, timeout=5).read()).replace(b" ", b"")
        finally:
            server.terminate()
            server.communicate(timeout=30)
