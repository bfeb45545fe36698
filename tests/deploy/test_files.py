"""What hosts read from the repository."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from benchmarks.fit import hosts
from benchmarks.server import free_port, serving, wait

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")


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


def test_the_procfile_writes_no_visitor_down(tmp_path):
    """Heroku's buildpack asks gunicorn for an access log, in a variable that overrules gunicorn.conf.py."""
    command = (ROOT / "Procfile").read_text(encoding="utf-8").removeprefix("web: ").strip()
    port = free_port()
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GUNICORN_CMD_ARGS": "--access-logfile -",
        "PORT": str(port),
        "XRAY_SECRET_KEY": "a key for tests only",
        "XRAY_INSTANCE_DIR": str(tmp_path / "instance"),
        "XRAY_ANALYSIS_DIR": str(tmp_path / "copies"),
    }
    log = tmp_path / "log"
    with log.open("wb") as out:
        # A session of its own, so that the shell and what it starts end together.
        server = subprocess.Popen(
            ["sh", "-c", command], cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True
        )
        try:
            wait(server, f"http://127.0.0.1:{port}/healthz", log)
            with pytest.raises(HTTPError):
                urlopen(f"http://127.0.0.1:{port}/static/xray_analysis/DOE_JANE.png")
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=60)
    said = log.read_text(encoding="utf-8")
    assert "Listening" in said and "DOE_JANE" not in said and "GET" not in said


def test_docker_restarts_no_instance_because_the_database_they_share_is_down():
    command = json.loads(re.search(r"^HEALTHCHECK .*CMD\s+(\[.*])", DOCKERFILE, re.MULTILINE)[1])
    with serving({"XRAY_TRUSTED_HOSTS": "films.example"}) as server:
        for file in (server.folder / "instance").glob("analyses.sqlite3*"):
            file.write_bytes(b"no database at all" * 100)
        with pytest.raises(HTTPError, match="503"):
            urlopen(f"{server.url}/readyz")
        settings = os.environ | {"PORT": server.url.rpartition(":")[2]}
        done = subprocess.run(
            [sys.executable, *command[1:]], env=settings, capture_output=True, text=True, check=False, timeout=20
        )
    assert done.returncode == 0, done.stderr
    assert subprocess.run([sys.executable, *command[1:]], env=settings, capture_output=True, check=False).returncode
