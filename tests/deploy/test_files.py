"""What hosts read from the repository."""

import json
import re
from pathlib import Path

from benchmarks.hosts import hosts
from web.settings import DEFAULTS

ROOT = Path(__file__).resolve().parents[2]


def test_each_host_gets_what_serves_and_nothing_that_trains():
    for host in hosts():
        files = set(host.files())
        assert {"app.py", "gunicorn.conf.py", "model/vgg16_cxr/network.tflite", "templates/index.html"} <= files, (
            host.name
        )
    slug = hosts()[0].files()
    assert {"Procfile", ".python-version", "requirements.txt"} <= set(slug)
    for host in (hosts()[0], hosts()[2]):
        assert not [path for path in host.files() if path.startswith(("training/", "tests/", "benchmarks/"))], host.name


def test_files_of_hosts_name_settings_that_exist():
    known = {f"XRAY_{name}" for name in DEFAULTS} | {"XRAY_SECRET_KEY", "XRAY_WORKERS", "XRAY_WORKER_THREADS"}
    for path in (
        *("app.json", "Procfile", "Dockerfile", "deploy/xray.service", "deploy/nginx.conf", "docs/deploy.md"),
        "deploy/pythonanywhere_wsgi.py",
    ):
        named = set(re.findall(r"XRAY_[A-Z_]+", (ROOT / path).read_text(encoding="utf-8")))
        assert named <= known, (path, named - known)


def test_heroku_makes_a_key_of_its_own():
    assert json.loads((ROOT / "app.json").read_text(encoding="utf-8"))["env"]["XRAY_SECRET_KEY"] == {
        "description": "Signs cookies and forms. Made once; it has to outlive the disk, which is wiped every day.",
        "generator": "secret",
    }
