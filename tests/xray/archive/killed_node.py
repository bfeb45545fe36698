"""Run by test_cluster.py: judges a folder on a cluster of two nodes, and kills the one that works in the middle.

`python killed_node.py SOURCE DESTINATION.csv`. The head node has no cores to work with; so all is done on the second,
and after its death on a third.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from ray.cluster_utils import Cluster

STORE = 80 * 2**20


def lines(path: str) -> int:
    """Count the rows that are written."""
    return max(len(Path(path).read_text(encoding="utf-8").splitlines()) - 1, 0) if Path(path).exists() else 0


if __name__ == "__main__":
    source, destination = sys.argv[1:]
    head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        worker = cluster.add_node(num_cpus=1, object_store_memory=STORE)
        command = [sys.executable, "-m", "xray", "archive", source, destination, "--engine", "ray"]
        with subprocess.Popen(command, env={**os.environ, "RAY_ADDRESS": cluster.address}) as run:
            while not lines(destination) and run.poll() is None:
                time.sleep(0.02)
            cluster.remove_node(worker, allow_graceful=False)
            sys.stdout.write(f"killed after {lines(destination)} rows\n")
            cluster.add_node(num_cpus=1, object_store_memory=STORE)
            status = run.wait(150)
    finally:
        cluster.shutdown()
    sys.exit(status)
