"""Memory of the process."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Many threads each free images of several sizes, as a busy server does; prints the resident memory in MB.
BUSY = """
import threading
import numpy as np
from xray import memory

memory.configure_malloc()

def work(seed):
    sizes = np.random.default_rng(seed).integers(2_000_000, 20_000_000, 40)
    for size in sizes:
        pictures = [np.ones(size, np.uint8), np.ones(size // 4, np.uint8)]
        kept.append(np.ones(2000, np.uint8))

kept = []
threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(next(int(line.split()[1]) / 1000 for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which Linux has")
def test_freed_images_do_not_stay_in_memory():
    resident_mb = float(subprocess.check_output([sys.executable, "-c", BUSY], cwd=ROOT, text=True))
    assert resident_mb < 200, "127 MB when this was written, 370 MB without it"
