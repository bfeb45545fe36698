"""How long one pass of each backbone takes, and what holding it costs: `python -m benchmarks.backbones`.

The passes alternate, so that whatever else the machine does slows all of them. Memory is that of a process that
loads everything a backbone is served with and has run it once (Linux, since it reads /proc).
"""

import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np

from xray.networks.runtime import Network
from xray.registry import MODEL_DIR

HELD = """
import sys
import numpy as np
from xray.registry import Registry
registry = Registry.load(backbone=sys.argv[1])
registry.backbone.network(np.zeros(registry.backbone.network.input_shape, np.float32))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


def backbones() -> list[str]:
    """Return the names of the backbones in model/."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(MODEL_DIR.glob("*/metadata.json"))]
    return [record["name"] for record in records if record["kind"] == "backbone"]


def passes(names: list[str], rounds: int, threads: int) -> dict[str, np.ndarray]:
    """Run all backbones in turn, and return the milliseconds of each pass but the first ten."""
    networks = {name: Network(MODEL_DIR / name / "network.tflite", threads=threads) for name in names}
    picture = np.random.default_rng(0).normal(size=next(iter(networks.values())).input_shape).astype(np.float32)
    took: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds + 10):
        for name, network in networks.items():
            started = time.perf_counter()
            network(picture)
            took[name].append(1e3 * (time.perf_counter() - started))
    return {name: np.array(each[10:]) for name, each in took.items()}


def held_mb(name: str) -> float:
    """Return what a process holds that serves a backbone, in MB of 1,000,000 bytes."""
    command = [sys.executable, "-c", HELD, name]
    run = subprocess.run(command, cwd=MODEL_DIR.parent, env=os.environ, capture_output=True, check=True)
    return int(run.stdout) * 1024 / 1e6


def main() -> None:
    """Read the command line and print a line for each backbone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    names = backbones()
    for name, took in passes(names, args.rounds, args.threads).items():
        low, middle, high = np.quantile(took, (0.05, 0.5, 0.95))
        print(
            f"{name:12} {middle:6.2f} ms median, {low:.2f} to {high:.2f} ms for nine in ten, fastest {took.min():.2f}; "
            f"{held_mb(name):.0f} MB resident with the lung network, the screen and the heads"
        )


if __name__ == "__main__":
    main()
