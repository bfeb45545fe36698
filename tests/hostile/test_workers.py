"""Workers that are killed, crash, share what is kept, and what their log holds."""

import os
import random
import re
import signal
import socket
import threading
import time
import urllib.request
from contextlib import closing
from http.client import HTTPException

from benchmarks.server import ServingError, Visitor
from tests.hostile.service import refused, serving, whole
from tests.web.cloud.programs import until

KILLS = 2


def test_workers_that_are_killed_or_crash_lose_nothing_that_was_answered(folder, film):
    answered, broken, stop = [], [], threading.Event()

    def visit(url):
        visitor = None
        while not stop.is_set():
            try:
                visitor = visitor or Visitor(url)
                answered.extend(visitor.analyse(film, "both"))
            except ServingError as error:
                broken.append(str(error))
            except (OSError, HTTPException):
                pass  # whoever was being served sends the film again

    with serving(folder) as service:
        visitors = [threading.Thread(target=visit, args=(service.url,)) for _ in range(2)]
        [each.start() for each in visitors]
        chance = random.Random(1)
        for number in range(KILLS):
            before = len(answered)
            until(lambda before=before: len(answered) > before)
            time.sleep(chance.uniform(0, 0.3))
            # A crash inside a library of C is a signal too.
            os.kill(service.worker(), signal.SIGKILL if number % 2 else signal.SIGSEGV)
        before = len(answered)
        until(lambda: len(answered) > before)
        stop.set()
        [each.join() for each in visitors]
        assert not [each for each in broken if re.search(r"answered 5\d\d", each)]
        rows = service.rows()
        assert len(answered) >= 2 * KILLS and len(rows) >= len(answered) / 2
        assert all(whole(path) for path in service.copies())
        kept = {path.name for path in service.copies()}
        assert {address.split("/")[2] for address in answered} <= {id for id, _ in rows}
        for id, content in rows:
            assert set(re.findall(r'"copy":\s*"([^"]+)"', content)) <= kept
            assert (folder / "instance" / "analyses" / id / "film.jpg").is_file()
    # What killed workers left by half goes at a start, once it is too old to be anybody's work.
    (folder / "copies" / ".killed.part").touch()
    (folder / "instance" / "analyses" / ".killed.part").touch()
    for name in service.left():
        for path in folder.rglob(name):
            os.utime(path, (time.time() - 7200,) * 2)
    with serving(folder) as service:
        assert service.left() == [] and len(service.rows()) == len(rows)
        assert Visitor(service.url).analyse(film, "both")


def test_the_log_holds_no_name_of_a_file_and_no_address_of_a_visitor(folder, film):
    with serving(folder, XRAY_PASSWORD="") as service:
        visitor, port = Visitor(service.url), int(service.url.rpartition(":")[2])
        copies = visitor.analyse(film, "both")
        refused(visitor, b"no film")
        for words in (
            b"GET /Jane_Doe.png HTTP/9.9\r\n\r\n",
            b"Jane_Doe\r\n\r\n",
            b"GET / HTTP/1.1\r\nJane Doe\r\n\r\n",
        ):
            with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as raw:
                raw.sendall(words)
                raw.recv(4096)
        os.kill(service.worker(), signal.SIGSEGV)
        until(lambda: urllib.request.urlopen(f"{service.url}/healthz", timeout=10).read())
        said = [line for line in service.log.read_text().splitlines() if "Listening at" not in line]
    assert said, "the log is empty, so nothing was looked at"
    assert not [line for line in said if re.search(r"Jane|127\.0\.0\.1|Name_film|\.png", line)]
    assert copies
