"""A server as docs/deploy.md puts it up: nginx with deploy/nginx.conf in front of gunicorn."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.server import free_port, serving, wait

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def nginx() -> str:
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if not found:
        assert not os.environ.get("CI"), "CI has nginx: .ci/run installs it"
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    return found


@pytest.fixture(scope="session")
def configuration(nginx, tmp_path_factory) -> Path:
    """nginx.conf with its upstream, port and folder filled in."""
    folder = tmp_path_factory.mktemp("nginx")
    os.chmod(folder, 0o755)
    return folder


@pytest.fixture(scope="session")
def site(nginx, configuration) -> Iterator[str]:
    """The address of nginx, with gunicorn behind it."""
    with serving({"XRAY_PROXIES": "1", "XRAY_METRICS": "true", "XRAY_RATE_LIMIT": "1"}) as server:
        port = free_port()
        ours = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
        for old, new in {
            "server 127.0.0.1:8000;": f"server {server.url.removeprefix('http://')};",
            "listen 80;": f"listen 127.0.0.1:{port};",
            "listen [::]:80;": "",
            "error_log /var/log/nginx/xray.log crit;": f"error_log {configuration}/site.log crit;",
            "EXAMPLE.ORG": "localhost 127.0.0.1",
            "/opt/xray/static/": f"{ROOT}/static/",
            "client_body_timeout 30s;": "client_body_timeout 2s;",
        }.items():
            assert old in ours, old
            ours = ours.replace(old, new)
        whole = configuration / "nginx.conf"
        paths = "".join(
            f"{kind}_temp_path {configuration}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        whole.write_text(
            f"user {getpass.getuser()}; daemon off; pid {configuration}/pid; error_log {configuration}/error.log;\n"
            f"events {{}}\nhttp {{ include /etc/nginx/mime.types;\n{paths}{ours}\n}}\n"
        )
        command = [nginx, "-c", str(whole), "-p", str(configuration)]
        subprocess.run([*command, "-t"], check=True, capture_output=True)
        process = subprocess.Popen(command)
        try:
            wait(process, f"http://127.0.0.1:{port}/healthz", configuration / "error.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=20)
