"""Ray engine: the cluster that RAY_ADDRESS names, or Ray on this machine. The only importer of Ray."""

import json
import logging
import math
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import ray
import ray.data

from xray.archive.local_engine import WorkerError
from xray.archive.row import File, Outcome, Result
from xray.archive.worker import DEADLY, MOST_DEATHS, Task, Worker, hashed

# What one worker is given at once, and does again if it dies: some seconds of work.
FILES_A_TASK = 64
# Of few files each worker still gets a share, and then some, as workers start one after the other.
TASKS_A_WORKER = 4
# What is handed to Ray at once. Its addresses are held in this process's memory.
FILES_A_ROUND = 500_000
# Tasks of such a round. More than that is no file's fault: then the run ends, and does not go on forever.
MOST_LOST = 1_000
# Addresses and rows are small; Ray would set a third of the machine's memory aside.
STORE_BYTES = 256 * 2**20

Batch = dict[str, Any]


class Cluster:
    """A cluster: Ray Data hands out the files, starts workers on free cores, holds back, and repeats what was lost."""

    def __init__(self, workers: int | None = None) -> None:
        """Join the cluster of RAY_ADDRESS, or start one on this machine.

        Args:
            workers: how many, a core each; without a number, one for each core of the cluster.
        """
        if not ray.is_initialized():
            settings: Batch = {"log_to_driver": False, "logging_level": logging.WARNING}
            if "RAY_ADDRESS" not in os.environ:
                settings |= {"address": "local", "num_cpus": workers, "object_store_memory": STORE_BYTES}
                settings |= {"include_dashboard": False}
            ray.init(**settings)
        ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)  # the progress is ours to say
        self._workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))

    def hashed(self, addresses: Iterable[str]) -> Iterator[File]:
        """Read each file for its SHA-256; see Engine."""
        for data in self._rounds({"address": address} for address in addresses):
            for batch in _batches(data.map_batches(_hashed, batch_size=None)):
                yield from _files(batch)

    def outcomes(self, files: Iterable[File], task: Task) -> Iterator[Outcome]:
        """Analyse each file once; see Engine.

        The files of tasks that were lost with their workers are analysed again, each file a task of its own. One that
        is lost then is said to be deadly.

        Raises:
            WorkerError: it is not the films that kill the workers; or a mask or a heat map cannot be written.
        """
        waiting = iter(files)
        while left := {file.address: file for file in islice(waiting, FILES_A_ROUND)}:
            for alone in (False, True):
                for outcome in self._not_lost(list(left.values()), task, alone=alone) if left else ():
                    if left.pop(outcome.file.address, None):
                        yield outcome
            yield from (Outcome(file._replace(problem=DEADLY), []) for file in left.values())

    def _not_lost(self, files: list[File], task: Task, *, alone: bool) -> Iterator[Outcome]:
        """Analyse files, without those of tasks that are lost."""
        # Alone: where a worker dies, there is no other file that it had.
        ahead: Batch = {"max_tasks_in_flight_per_actor": 1} if alone else {}
        workers = ray.data.ActorPoolStrategy(min_size=1, max_size=self._workers, initial_size=self._workers, **ahead)
        data = ray.data.from_items(
            [file._asdict() for file in files], override_num_blocks=len(files) if alone else self._tasks(len(files))
        )
        data.context.max_errored_blocks = MOST_LOST
        outcomes = data.map_batches(
            _Actor,
            fn_constructor_args=(task,),
            batch_size=None,
            compute=workers,
            num_cpus=1,
            max_task_retries=MOST_DEATHS - 1,  # Ray Data's own is without end
        )
        try:
            for batch in _batches(outcomes):
                for file, results, failure in map(json.loads, batch["outcomes"].tolist()):
                    if failure:
                        raise WorkerError(
                            "Expected workers that can work. Received %(failure)s at %(film)s.",
                            failure=failure,
                            film=file[0],
                        )
                    yield Outcome(File(*file), [Result(*each) for each in results])
        except ray.exceptions.RayActorError as error:
            raise WorkerError(
                "Expected workers that live. Received more than %(count)s tasks that they died at. Look at the memory "
                "that is left on the nodes.",
                count=MOST_LOST,
            ) from error

    def _rounds(self, items: Iterator[Batch]) -> Iterator[Any]:
        """Yield data sets of some files each, cut into what a worker is given at once."""
        while files := list(islice(items, FILES_A_ROUND)):
            yield ray.data.from_items(files, override_num_blocks=self._tasks(len(files)))

    def _tasks(self, files: int) -> int:
        return math.ceil(max(files / FILES_A_TASK, min(files, TASKS_A_WORKER * self._workers)))


class _Actor:
    """What Ray starts on a core, with networks of its own."""

    def __init__(self, task: Task) -> None:
        self._worker = Worker(task)

    def __call__(self, batch: Batch) -> Batch:
        return {"outcomes": np.array([json.dumps(self._answer(file)) for file in _files(batch)], object)}

    def _answer(self, file: File) -> tuple[File, list[Result], str]:
        """Analyse a file; an error is returned, as Ray would take it for the loss of a task."""
        try:
            return *self._worker.analyse(file), ""
        except Exception as error:  # noqa: BLE001 - it is raised again where the answers are read
            return file, [], f"{type(error).__name__}: {error}"


def _hashed(batch: Batch) -> Batch:
    columns = zip(*map(hashed, batch["address"].tolist()), strict=True)
    return {name: np.array(column, object) for name, column in zip(File._fields, columns, strict=True)}


def _files(batch: Batch) -> Iterator[File]:
    return map(File._make, zip(*(batch[name].tolist() for name in File._fields), strict=True))


def _batches(data: Any) -> Iterator[Batch]:
    """Yield the batches of a data set as they come back."""
    return iter(data.iter_batches(batch_size=None, batch_format="numpy"))
