"""LiteRT networks. The only module that imports LiteRT."""

from pathlib import Path
from queue import LifoQueue

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from xray.errors import ModelError

MEND = "Restore the artefact as it was published with `git checkout -- model`, or rebuild it with `make models`."


def broken(path: Path, problem: str) -> ModelError:
    """Return the error for an artefact that cannot be used.

    Args:
        path: the artefact.
        problem: what was expected and what was received.
    """
    return ModelError(f"{path}: {problem} {MEND}")


class Network:
    """A LiteRT network that any number of threads may call.

    An interpreter serves one thread at a time (tensorflow/tensorflow#26365), so calls take one from a pool and wait
    while all are busy. The one used last is taken first, as its memory is warm. Each interpreter of the 8-bit VGG16
    costs 47 MB resident and 30 ms to load.

    Attributes:
        input_shape: with the batch axis, which is 1.
        output_shape: with the batch axis, which is 1.
    """

    def __init__(self, path: Path, *, pool_size: int = 1, threads: int = 2, side: int | None = None) -> None:
        """Load the network.

        Args:
            path: a .tflite file with one float32 input and one float32 output.
            pool_size: how many calls may run at the same time.
            threads: how many processor threads one call uses.
            side: of the square input in pixels, where it is not to be the file's own: for networks of convolutions.

        Raises:
            ModelError: the file is missing, broken, or has other inputs or outputs.
            ValueError: pool_size or threads below 1.
        """
        if pool_size < 1 or threads < 1:
            raise ValueError(f"Expected pool_size and threads above 0. Received: {pool_size}, {threads}.")
        self._idle: LifoQueue[Interpreter] = LifoQueue()
        for _ in range(pool_size):
            self._idle.put(_interpreter(path, threads, side))
        interpreter = self._idle.queue[0]
        self._input, self.input_shape = _tensor(path, interpreter.get_input_details(), "input")
        self._output, self.output_shape = _tensor(path, interpreter.get_output_details(), "output")

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network on one image.

        Args:
            x: float32, shape `input_shape`.

        Returns:
            float32, shape `output_shape`; the caller's own copy.
        """
        if x.dtype != np.float32 or x.shape != self.input_shape:
            raise ValueError(f"Expected float32 {self.input_shape}. Received: {x.dtype} {x.shape}.")
        interpreter = self._idle.get()
        try:
            interpreter.set_tensor(self._input, x)
            interpreter.invoke()
            # get_tensor copies, so that the next caller cannot write into what this one reads.
            output: NDArray[np.float32] = interpreter.get_tensor(self._output)
        finally:
            self._idle.put(interpreter)
        return output


def _interpreter(path: Path, threads: int, side: int | None) -> Interpreter:
    try:
        interpreter = Interpreter(model_path=str(path), num_threads=threads)
        if side:
            given = interpreter.get_input_details()[0]
            interpreter.resize_tensor_input(given["index"], [1, side, side, int(given["shape"][-1])])
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise broken(path, f"Expected a LiteRT network. Received a file it cannot load ({error}).") from error
    return interpreter


def _tensor(path: Path, details: list[dict[str, object]], role: str) -> tuple[int, tuple[int, ...]]:
    """Return the index and the shape of the network's only input or output."""
    if len(details) != 1 or details[0]["dtype"] is not np.float32:
        found = [(detail["name"], detail["dtype"]) for detail in details]
        raise broken(path, f"Expected one float32 {role}. Received: {found}.")
    detail = details[0]
    return int(str(detail["index"])), tuple(int(side) for side in np.asarray(detail["shape"]))
