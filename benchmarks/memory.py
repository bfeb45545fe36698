"""How much memory a worker holds: `python -m benchmarks.memory` (Linux, since it reads /proc).

Serves the application with gunicorn, sends radiographs of full size through the page one after another, and
prints what a worker holds; beside it, what the reference way holds, where Keras predicts in the process that serves.
"""

import argparse
import importlib.util
import os
import platform
import subprocess
import sys

from benchmarks.server import REPOSITORY, Server, ServingError, Visitor, average, png, resident_mb, serving

# The reference way's network in a process that does nothing else. The weights are random: they take the same room.
BASELINE = """
import numpy
from benchmarks.reference_app import network
model = network()
for _ in range(3):
    model.predict(numpy.zeros((1, 224, 224, 3), "float32"), verbose=0)
print(open("/proc/self/status").read(), end="")
"""


def measure(server: Server, picture: bytes, model: str, requests: int) -> float:
    """Send the picture again and again, print what the largest worker holds, and return the last figure."""
    visitor = Visitor(server.url)
    now = 0.0
    for sent in range(requests + 1):
        if sent:
            visitor.analyse(picture, model)
        if sent in (0, 1, 10) or sent == requests:
            now, most = server.resident_mb()
            print(f"ours, after {sent:4} requests   {now:6.1f} MB resident, {most:6.1f} MB at most", flush=True)
    return now


def baseline() -> None:
    """Print what the reference way holds, where Keras is installed."""
    if importlib.util.find_spec("keras") is None:
        print("baseline                    not measured: needs the extra `train`")
        return
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run(
        [sys.executable, "-c", BASELINE], cwd=REPOSITORY, env=environment, capture_output=True, check=True
    )
    now, most = resident_mb(run.stdout.decode())
    print(f"baseline, Keras predict     {now:6.1f} MB resident, {most:6.1f} MB at most")


def main() -> int:
    """Measure, and return 1 if the workers hold more than they may."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=100, help="radiographs to send (default: 100)")
    parser.add_argument("--model", default="both", help="a value of the page's dropdown (default: both)")
    parser.add_argument("--limit-mb", type=float, help="fail if a worker holds this much or more in the end")
    asked = parser.parse_args()
    if platform.system() != "Linux":
        parser.error("it reads /proc, which only Linux has")
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, model {asked.model}")
    try:
        with serving() as server:
            resident = measure(server, png(average()), asked.model, asked.requests)
    except ServingError as error:
        print(error, file=sys.stderr)
        return 1
    baseline()
    if asked.limit_mb and resident >= asked.limit_mb:
        print(f"Expected less than {asked.limit_mb:g} MB, measured {resident:.1f} MB.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
