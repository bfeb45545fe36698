"""The same work on Ray: on this machine, or on the cluster that RAY_ADDRESS names. The only importer of Ray."""

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

from xray.archive.analyses import Judge, Task, content
from xray.archive.local_engine import DEADLY, MOST_DEATHS, WorkerError
from xray.archive.row import Content, Judged, Said

# What one worker is given at once, and does again if it dies: some seconds of work.
FILMS_A_TASK = 64
# Of few films each worker still gets a share, and then some, as workers start one after the other.
TASKS_A_WORKER = 4
# What is handed to Ray at once. Its addresses stand in this process's memory.
FILMS_A_ROUND = 500_000
# Of such a round. More than that is no film's fault: then the run ends, and does not go on for ever.
MOST_LOST = 1_000
# Addresses and rows are small; Ray would set a third of the machine's memory aside.
STORE_BYTES = 256 * 2**20

Batch = dict[str, Any]


class Cluster:
    """Ray Data hands out the films, starts workers where cores are free, holds back, and repeats what was lost."""

    def __init__(self, workers: int | None = None) -> None:
        """Join the cluster of RAY_ADDRESS, or start one on this machine.

        Args:
            workers: judging at the same time, a core each; without a number, one for each core of the cluster.
        """
        if not ray.is_initialized():
            here: Batch = {
                "address": "local",
                "num_cpus": workers,
                "object_store_memory": STORE_BYTES,
                "include_dashboard": False,
            }
            quiet: Batch = {"log_to_driver": False, "logging_level": logging.WARNING}
            ray.init(**quiet, **({} if "RAY_ADDRESS" in os.environ else here))
        ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)  # the progress is ours to say
        self._workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))

    def contents(self, addresses: Iterable[str]) -> Iterator[Content]:
        """Read each film for its SHA-256; see Engine."""
        for data in self._rounds({"address": address} for address in addresses):
            for batch in _batches(data.map_batches(_contents, batch_size=None)):
                yield from map(Content._make, zip(*(batch[name].tolist() for name in Content._fields), strict=True))

    def judged(self, films: Iterable[Content], task: Task) -> Iterator[Judged]:
        """Judge each film once; see Engine.

        What is left of the films of tasks that were lost with their workers is judged anew, each film a task of its
        own. One that is lost then is said to have a problem.

        Raises:
            WorkerError: it is not the films that kill the workers; or a mask or a heat map cannot be written.
        """
        waiting = iter(films)
        while left := {film.address: film for film in islice(waiting, FILMS_A_ROUND)}:
            for alone in (False, True):
                for judged in self._judged(list(left.values()), task, alone=alone) if left else ():
                    if left.pop(judged.film.address, None):
                        yield judged
            yield from (Judged(film._replace(problem=DEADLY), []) for film in left.values())

    def _judged(self, films: list[Content], task: Task, *, alone: bool) -> Iterator[Judged]:
        """Judge films but for those of tasks that are lost."""
        # Alone: where a worker dies, there is no other film that it had.
        ahead: Batch = {"max_tasks_in_flight_per_actor": 1} if alone else {}
        workers = ray.data.ActorPoolStrategy(min_size=1, max_size=self._workers, initial_size=self._workers, **ahead)
        data = ray.data.from_items(
            [film._asdict() for film in films], override_num_blocks=len(films) if alone else self._tasks(len(films))
        )
        data.context.max_errored_blocks = MOST_LOST
        judged = data.map_batches(
            _Worker,
            fn_constructor_args=(task,),
            batch_size=None,
            compute=workers,
            num_cpus=1,
            max_task_retries=MOST_DEATHS - 1,  # Ray Data's own is without end
        )
        try:
            for batch in _batches(judged):
                for film, said, failure in map(json.loads, batch["judged"].tolist()):
                    if failure:
                        raise WorkerError(
                            "Expected workers that can work. Received %(failure)s at %(film)s.",
                            failure=failure,
                            film=film[0],
                        )
                    yield Judged(Content(*film), [Said(*each) for each in said])
        except ray.exceptions.RayActorError as error:
            raise WorkerError(
                "Expected workers that live. Received more than %(count)s tasks that they died at. Look at the memory "
                "that is left on the nodes.",
                count=MOST_LOST,
            ) from error

    def _rounds(self, items: Iterator[Batch]) -> Iterator[Any]:
        """Yield data sets of some films each, cut into what a worker is given at once."""
        while films := list(islice(items, FILMS_A_ROUND)):
            yield ray.data.from_items(films, override_num_blocks=self._tasks(len(films)))

    def _tasks(self, films: int) -> int:
        return math.ceil(max(films / FILMS_A_TASK, min(films, TASKS_A_WORKER * self._workers)))


class _Worker:
    """What Ray starts on a core, with interpreters of its own."""

    def __init__(self, task: Task) -> None:
        self._judge = Judge(task)

    def __call__(self, batch: Batch) -> Batch:
        films = map(Content._make, zip(*(batch[name].tolist() for name in Content._fields), strict=True))
        return {"judged": np.array([json.dumps(self._answer(film)) for film in films], object)}

    def _answer(self, film: Content) -> tuple[Content, list[Said], str]:
        """Judge a film; an error is returned, as Ray would take it for the loss of a task."""
        try:
            return *self._judge.judge(film), ""
        except Exception as error:  # noqa: BLE001 - it is raised again where the answers are read
            return film, [], f"{type(error).__name__}: {error}"


def _contents(batch: Batch) -> Batch:
    found = [content(address) for address in batch["address"].tolist()]
    columns = zip(*found, strict=True)
    return {name: np.array(column, object) for name, column in zip(Content._fields, columns, strict=True)}


def _batches(data: Any) -> Iterator[Batch]:
    """Yield what comes back as it comes."""
    return iter(data.iter_batches(batch_size=None, batch_format="numpy"))
