"""A server as docs/deploy.md puts it up: nginx with deploy/nginx.conf in front of gunicorn."""

import getpass
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.server import serving
from tests.web.cloud.programs import find, free_port, running

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def configuration(tmp_path_factory) -> Path:
    """The folder of nginx."""
    folder = tmp_path_factory.mktemp("nginx")
    os.chmod(folder, 0o755)
    return folder


@pytest.fixture(scope="session")
def site(configuration) -> Iterator[str]:
    """The address of nginx, with gunicorn behind it."""
    nginx, port = find("nginx", "nginx-light"), free_port()
    with serving({"XRAY_PROXIES": "1", "XRAY_METRICS": "true", "XRAY_RATE_LIMIT": "1"}) as server:
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
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = "".join(f"{kind}_temp_path {configuration}/{kind};\n" for kind in kinds)
        whole = configuration / "nginx.conf"
        whole.write_text(
            f"user {getpass.getuser()}; daemon off; pid {configuration}/pid; error_log {configuration}/error.log;\n"
            f"events {{}}\nhttp {{ include /etc/nginx/mime.types;\n{paths}{ours}\n}}\n"
        )
        with running(configuration, [nginx, "-c", str(whole), "-p", str(configuration)], port):
            yield f"http://127.0.0.1:{port}"
