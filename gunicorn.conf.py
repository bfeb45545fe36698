"""Settings of gunicorn, on this machine and on a host that sets PORT (Heroku)."""

import os
import socket
import struct
import sys

# gunicorn reads this file before it looks for the application's modules.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from web.security.connections import FairWorker  # noqa: E402

_port = os.environ.get("PORT")
# A host that sets a port serves others; without one only this machine is served.
bind = f"0.0.0.0:{_port}" if _port else "localhost:5000"
# Then XRAY_SECRET_KEY must be set: such hosts wipe their disks, and a key that is stored there.
raw_env = ["XRAY_PUBLIC=true"] if _port and "XRAY_PUBLIC" not in os.environ else []

# Each process holds its own copy of the networks, so one process with threads; LiteRT releases Python's lock while it
# computes. WEB_CONCURRENCY, which Heroku sets by itself, is overruled on purpose.
workers = int(os.environ.get("XRAY_WORKERS", "1"))
worker_class = FairWorker
# Many more than cores: most wait for a slow upload, and one sender gets three of four. Radiographs are analysed a few
# at a time.
threads = int(os.environ.get("XRAY_WORKER_THREADS", "32"))

# The networks are loaded after the fork: LiteRT's threads do not survive one.
preload_app = False

# A worker whose main thread is silent for so long is stuck. It goes on while a radiograph is analysed: what bounds that
# are the limits on files (SECURITY.md).
timeout = 60
graceful_timeout = 30
# No control socket: nobody steers a running server.
control_socket_disable = True
# The heartbeat is a file: in memory a busy disk cannot delay it.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None

# A thread waits no longer than so many seconds for a byte to come or to go. Uploads that trickle are ended by
# web/security/slow_uploads.py.
SILENT_SECONDS = 10
# The system's own call for sending files would wait for ever.
sendfile = False
# Of no peer it is believed under which path the application lies.
forwarder_headers = ""


def post_worker_init(worker):  # noqa: ANN001, ANN201 - gunicorn's own name and types
    """Set the timeouts of the listening sockets; connections inherit them."""
    if sys.platform == "linux":
        for listener in worker.sockets:
            limit = struct.pack("ll", SILENT_SECONDS, 0)
            for timeout in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                listener.sock.setsockopt(socket.SOL_SOCKET, timeout, limit)


def _scrub(record):  # type: ignore[no-untyped-def]  # a filter of logging
    """Keep addresses, and file names in paths, out of the log; the error stays."""
    if str(record.msg).startswith("Invalid request from"):
        record.msg = "A request was refused: it was no HTTP."
    elif str(record.msg).startswith("Error handling request"):
        record.msg, record.args = "Error handling a request", ()
    elif record.exc_info and isinstance(record.exc_info[1], (BlockingIOError, TimeoutError)):
        record.msg, record.exc_info = "A connection was closed: its other end was too slow.", None
    return True


def on_starting(server):  # type: ignore[no-untyped-def]  # gunicorn's Arbiter
    """Filter the error log of this process and of the workers that it forks."""
    server.log.error_log.addFilter(_scrub)
