"""deploy/nginx.conf in front of gunicorn, as on a plain server."""

import http.client
import re
import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from benchmarks.server import Visitor, average, multipart, png


def ask(address: str, **headers: str) -> http.client.HTTPResponse:
    return urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=30)


def refused(address: str, body: bytes | None = None, **headers: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=60)
    with caught.value as error:
        return error.code


def test_a_film_goes_through_and_its_copy_comes_back(site):
    assert Visitor(site).analyse(png(average()), "both")


def test_styles_come_from_the_disk_and_copies_from_the_application(site):
    with ask(f"{site}/static/style.css") as style:
        assert style.headers["Cache-Control"] == "max-age=3600" and "X-Request-ID" not in style.headers
    for path in (
        "/static/xray_analysis/.gitkeep",
        "/static/./xray_analysis/.gitkeep",
        "/static/xray%5Fanalysis/.gitkeep",
    ):
        assert refused(site + path) == 404, path
    (copy,) = Visitor(site).analyse(png(average()), "covid_normal")
    assert refused(site + copy) == 404, "to somebody else"


def test_a_large_upload_passes_and_one_too_large_is_refused_by_nginx(site):
    # By the application for its missing token, by the application for its size, and by nginx.
    for size, status in ((30_000_000, 400), (34_000_000, 413), (40_000_000, 413)):
        body, kind = multipart({"model": b"both"}, "film.png", b"x" * size)
        assert refused(f"{site}/query", body, **{"Content-Type": kind}) == status, size


def test_a_half_sent_upload_is_ended_by_nginx_and_never_reaches_the_application(site):
    host = urlsplit(site)
    before = len(re.findall("pages.query", ask_metrics(site)))
    with socket.create_connection((host.hostname, host.port), timeout=20) as line:
        line.sendall(b"POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nhalf of it")
        assert line.recv(100) == b"" or b"408" in line.recv(100)
    assert len(re.findall("pages.query", ask_metrics(site))) == before


def ask_metrics(site: str) -> str:
    with ask(f"{site}/metrics") as answer:
        return answer.read().decode()


def test_an_address_that_a_visitor_makes_up_is_not_believed(site):
    """Else each film could come from another address, and no limit would hold."""
    body, kind = multipart({"model": b"both"}, "film.png", b"no film")
    statuses = [
        refused(f"{site}/query", body, **{"Content-Type": kind, "X-Forwarded-For": f"203.0.113.{number}"})
        for number in range(3)
    ]
    assert len(set(statuses)) == 1


def test_metrics_are_for_this_machine_alone(site):
    host = urlsplit(site)

    def status(source: str, path: str, **headers: str) -> int:
        line = http.client.HTTPConnection(host.hostname, host.port, timeout=30, source_address=(source, 0))
        line.request("GET", path, headers=headers)
        found = line.getresponse().status
        line.close()
        return found

    assert status("127.0.0.1", "/metrics") == 200
    for path in ("/metrics", "/metrics/", "//metrics", "/%6detrics/", "/static/../metrics"):
        assert status("127.0.0.2", path) == 403, path
    assert status("127.0.0.2", "/x/metrics", SCRIPT_NAME="/x") == 404


def test_refusals_write_nobody_down(site, configuration):
    body, kind = multipart({"model": b"both"}, "DOE_JANE.png", b"x" * 40_000_000)
    assert refused(f"{site}/query?name=DOE_JANE", body, **{"Content-Type": kind}) == 413
    written = "".join(path.read_text(encoding="utf-8") for path in configuration.glob("*.log"))
    assert "DOE_JANE" not in written and "client:" not in written


def test_requests_carry_an_id_from_nginx_to_the_answer(site):
    with ask(f"{site}/about") as answer:
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
