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


# Loads a network and releases its file; prints the resident part of the file before and after, in kB.
MAPPED = """
from pathlib import Path
from xray import memory
from xray.networks.runtime import Network

def resident():
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    return sum(int(next(lines_after(lines)).split()[1]) for line in lines if line.endswith("vgg16_cxr/network.tflite"))

def lines_after(lines):
    return (line for line in lines if line.startswith("Rss:"))

network = Network(Path("model/vgg16_cxr/network.tflite"), threads=1)
before = resident()
memory.release_mapped_files(Path("model"))
print(before, resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which Linux has")
def test_a_network_s_file_does_not_stay_in_memory():
    printed = subprocess.check_output([sys.executable, "-c", MAPPED], cwd=ROOT, text=True)
    before, after = (int(size) for size in printed.split())
    assert before > 10_000 and after < 100
