"""Where a network learns: on one device, or on several that share every batch, of one machine or of several.

Data parallel, by Keras' distribution API: every device holds the whole network and a part of each batch. The batch is
that of the configuration however many share it, and batch norm sees all of it: the result is the same up to rounding.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version

import keras
from keras import ops

from xray.errors import XrayError

ALL, AUTO = "all", "auto"
HALF, FULL = "mixed_bfloat16", "float32"
BACKENDS = ("jax",)  # whose distribution Keras has finished; TensorFlow's is a prototype (Keras 3.15)
PROCESSES = tuple(f"KERAS_DISTRIBUTION_{name}" for name in ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID"))
DISTRIBUTED = ("jax", "tensorflow")  # that can list their devices
MARGIN = 1.4  # on a busy machine: the two differ by more, one way or the other
TIMINGS = 4  # of each precision; the first one warms up
MOST_WORKERS = 8  # by default: each imports Keras, and so holds 0.4 GB (JAX) or 0.8 GB (TensorFlow)


def use(devices: int | str, precision: str) -> None:
    """Set devices and precision for all networks that are built from here on; before any of them.

    Where KERAS_DISTRIBUTION_… is set it joins the other processes, as `keras.distribution.initialize` says.

    Args:
        devices: how many share each batch, or ALL.
        precision: name of a Keras policy, or AUTO for `quickest`.

    Raises:
        XrayError: the devices are not there, or this backend cannot share them; with what to do.
    """
    keras.config.set_dtype_policy(quickest() if precision == AUTO else precision)
    given = [name for name in PROCESSES if name in os.environ]
    if devices == 1 and not given:
        return
    if keras.backend.backend() not in BACKENDS:
        raise XrayError(
            f"Expected KERAS_BACKEND={BACKENDS[0]} for several devices. Received: {keras.backend.backend()}, which "
            "uses one. Install the extra `jax`, set KERAS_BACKEND; see docs/training_at_scale.md."
        )
    if given:
        _join(devices, given)
    found = keras.distribution.list_devices()
    wanted = len(found) if given or isinstance(devices, str) else devices
    if wanted > len(found):
        raise XrayError(
            f"Expected --devices from 1 to {len(found)} ({', '.join(found)}), or all. Received: {wanted}. To try it on "
            f"one processor: XLA_FLAGS=--xla_force_host_platform_device_count={wanted}"
        )
    parallel = keras.distribution.DataParallel(devices=found[:wanted], auto_shard_dataset=False)
    keras.distribution.set_distribution(parallel)


def quickest() -> str:
    """Return the precision in which this machine convolves faster, by timing both.

    Half precision takes a quarter of the time where the processor has it (AMX), and several times as much where not.
    """
    seconds = {}
    for policy, dtype in ((FULL, "float32"), (HALF, "bfloat16")):
        x, kernel = ops.ones((8, 40, 40, 128), dtype), ops.ones((3, 3, 128, 128), dtype)
        times = []
        for _ in range(TIMINGS):
            begun = time.perf_counter()
            ops.convert_to_numpy(ops.cast(ops.mean(ops.conv(x, kernel, padding="same")), "float32"))
            times.append(time.perf_counter() - begun)
        seconds[policy] = min(times)
    return HALF if seconds[HALF] < MARGIN * seconds[FULL] else FULL


def _join(devices: int | str, given: list[str]) -> None:
    if len(given) < len(PROCESSES):
        raise XrayError(
            f"Expected all of {', '.join(PROCESSES)}. Received: {', '.join(given)}. Each process needs them."
        )
    if devices not in (1, ALL):
        raise XrayError(f"Expected no --devices: several processes use all they have. Received: {devices}.")
    keras.distribution.initialize()


def count() -> int:
    """Return how many devices share a batch."""
    found = keras.distribution.distribution()
    return found.num_model_replicas if found else 1


def share() -> tuple[int, int]:
    """Return which of how many processes this is: (0, 1) where there is but one, or where it is `alone`."""
    found = keras.distribution.distribution()
    return (found.data_shard_id, found.num_processes) if found else (0, 1)


@contextmanager
def alone() -> Iterator[None]:
    """Build and run networks on this process's first device, as if there were no other."""
    shared = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(shared)


def describe() -> str:
    """Return how many devices share a batch, of which kind, and in which precision they learn."""
    found = keras.distribution.list_devices()[0] if keras.backend.backend() in DISTRIBUTED else "cpu"
    return f"{count()} x {found.partition(':')[0]}, {keras.config.dtype_policy().name}"


def versions() -> dict[str, str]:
    """Return the versions of Keras and of its backend."""
    backend = keras.backend.backend()
    packages = {"tensorflow": ("tensorflow-cpu", "tensorflow"), "torch": ("torch",), "jax": ("jax",)}[backend]
    found = "unknown"
    for name in packages:
        with suppress(PackageNotFoundError):
            found = version(name)
    return {"keras": keras.__version__, "backend": f"{backend} {found}"}


def accelerated() -> bool:
    """Tell whether a GPU or a TPU is there."""
    return keras.backend.backend() in DISTRIBUTED and not keras.distribution.list_devices()[0].startswith("cpu")


def uses_xla() -> bool:
    """Tell whether XLA shall compile the steps of a training.

    On JAX always; TensorFlow's not on a processor: XLA's convolutions are several times slower there than oneDNN's.
    """
    return keras.backend.backend() == "jax" or accelerated()


def workers(asked: int | None) -> int:
    """Return how many processes change the films: a processor that trains has no core to spare."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return asked or (min(cores, MOST_WORKERS) if accelerated() else 1)
