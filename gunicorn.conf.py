"""How gunicorn serves the application, here and on a host that sets PORT (Heroku)."""

import os
import socket
import struct
import sys

_port = os.environ.get("PORT")
# A host that names a port reaches us from outside; without one we serve this machine only.
bind = f"0.0.0.0:{_port}" if _port else "localhost:5000"
# Then XRAY_SECRET_KEY must be set: such hosts empty their disks, and a key on it with them.
raw_env = ["XRAY_PUBLIC=true"] if _port and "XRAY_PUBLIC" not in os.environ else []

# Every worker would hold its own copy of the networks, so one process with threads; LiteRT leaves Python's
# lock while it computes. WEB_CONCURRENCY, which Heroku sets by itself, is overruled on purpose.
workers = int(os.environ.get("XRAY_WORKERS", "1"))
worker_class = "gthread"
# Many more than there are cores: most wait for somebody's slow upload. Films are read by a few of them at a time.
threads = int(os.environ.get("XRAY_WORKER_THREADS", "32"))

# The networks are loaded after the fork: the threads that LiteRT starts do not survive one.
preload_app = False

# A picture takes about a second; hosts give up on a request at 30 s. A worker silent for so long is stuck.
timeout = 60
graceful_timeout = 30
# Nobody steers a running server here: no control socket in somebody's home.
control_socket_disable = True
# The heartbeat is a file: in memory it cannot be held up by a busy disk.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None

# Seconds without a byte, after which a connection is given up: a half-sent upload holds a thread no longer than that.
# web/security/slow_uploads.py ends an upload that comes in too slowly. More connections than there are threads are for
# a proxy to refuse: it receives whole uploads before it passes them on (nginx: proxy_request_buffering, on by default)
# and limits the connections and requests of each address (limit_conn, limit_req).
SILENT_SECONDS = 10


def post_worker_init(worker):  # noqa: ANN001, ANN201 - gunicorn's own name and types
    """Let the kernel end waiting for silent clients: connections inherit it from the socket that they came to."""
    if sys.platform == "linux":
        for listener in worker.sockets:
            limit = struct.pack("ll", SILENT_SECONDS, 0)
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)


def _forget_who(record):  # type: ignore[no-untyped-def]  # a filter of logging
    """Keep addresses, and file names in paths, out of the log; what went wrong stays."""
    if str(record.msg).startswith("Invalid request from"):
        record.msg = "A request was refused: it was no HTTP."
    elif str(record.msg).startswith("Error handling request"):
        record.msg, record.args = "Error handling a request", ()
    return True


def on_starting(server):  # type: ignore[no-untyped-def]  # gunicorn's Arbiter
    """Look at what is logged, in this process and in the workers that it forks."""
    server.log.error_log.addFilter(_forget_who)
