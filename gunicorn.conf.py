"""Settings of gunicorn, on this machine and on a host that sets PORT (Heroku)."""

import os
import socket
import struct
import sys

_port = os.environ.get("PORT")
# A host that sets a port serves others; without one only this machine is served.
bind = f"0.0.0.0:{_port}" if _port else "localhost:5000"
# Then XRAY_SECRET_KEY must be set: such hosts wipe their disks, and a key that is stored there.
raw_env = ["XRAY_PUBLIC=true"] if _port and "XRAY_PUBLIC" not in os.environ else []

# Each process holds its own copy of the networks, so one process with threads; LiteRT releases Python's lock while it
# computes. WEB_CONCURRENCY, which Heroku sets by itself, is overruled on purpose.
workers = int(os.environ.get("XRAY_WORKERS", "1"))
worker_class = "gthread"
# Many more than cores: most wait for a slow upload. Radiographs are analysed a few at a time.
threads = int(os.environ.get("XRAY_WORKER_THREADS", "32"))

# The networks are loaded after the fork: LiteRT's threads do not survive one.
preload_app = False

# An analysis takes about a second, and hosts cut off a request at 30 s. A worker that is silent for so long is stuck.
timeout = 60
graceful_timeout = 30
# No control socket: nobody steers a running server.
control_socket_disable = True
# The heartbeat is a file: in memory a busy disk cannot delay it.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None

# A connection is closed after so many seconds without a byte: a half-sent upload holds a thread no longer than that.
# Uploads that trickle are ended by web/security/slow_uploads.py. Against more connections than threads only a proxy
# helps: one that takes in whole uploads (nginx: proxy_request_buffering, on by default) and limits the connections and
# requests of each address (limit_conn, limit_req).
SILENT_SECONDS = 10


def post_worker_init(worker):  # noqa: ANN001, ANN201 - gunicorn's own name and types
    """Set the receive timeout of the listening sockets; connections inherit it."""
    if sys.platform == "linux":
        for listener in worker.sockets:
            limit = struct.pack("ll", SILENT_SECONDS, 0)
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)


def _scrub(record):  # type: ignore[no-untyped-def]  # a filter of logging
    """Keep addresses, and file names in paths, out of the log; the error stays."""
    if str(record.msg).startswith("Invalid request from"):
        record.msg = "A request was refused: it was no HTTP."
    elif str(record.msg).startswith("Error handling request"):
        record.msg, record.args = "Error handling a request", ()
    return True


def on_starting(server):  # type: ignore[no-untyped-def]  # gunicorn's Arbiter
    """Filter the error log of this process and of the workers that it forks."""
    server.log.error_log.addFilter(_scrub)
