"""From Keras to the 8-bit file that is served, and back; the only tf.* code of the project.

Only the way there needs TensorFlow: with another backend of Keras a served network can still be trained further.
"""

from itertools import islice
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from training.networks.vgg16 import VGG16, convolutions, vgg16
from xray.errors import ModelError
from xray.networks import runtime


def convert(model: keras.Model) -> bytes:
    """Convert a Keras model to LiteRT with its weights in 8 bits a channel; activations are quantised while running.

    The file is four times smaller so, and VGG16 four times faster.

    Args:
        model: with float32 layers and a fixed input size.

    Returns:
        The content of a .tflite file, input and output float32.

    Raises:
        ModelError: Keras runs on another backend.
    """
    if keras.backend.backend() != "tensorflow":
        raise ModelError(
            f"Expected KERAS_BACKEND=tensorflow to convert {model.name}. Received: {keras.backend.backend()}. Weights "
            "are the same for every backend: run this step again with KERAS_BACKEND=tensorflow."
        )
    import tensorflow as tf  # late: it weighs two seconds, and beside another backend it may be absent

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return bytes(converter.convert())


def vgg16_from(path: Path, size: int | None = None) -> keras.Model:
    """Return a served VGG16, the slim one too, as a Keras model to train further: its 8-bit weights as float32.

    Args:
        path: the network.tflite of a backbone.
        size: side of the square input in pixels, or None for any.

    Raises:
        ModelError: the file does not hold VGG16's thirteen convolutions.
    """
    kernels, biases = _constants(path)
    expected = sum(map(len, VGG16))
    if len(kernels) != expected or len(biases) != expected:
        raise ModelError(
            f"Expected the kernels and biases of {expected} convolutions in {path}. "
            f"Received: {len(kernels)} and {len(biases)}. Export it again: `python -m training export backbone`."
        )
    widths = iter(kernel.shape[-1] for kernel in kernels)
    model = vgg16(size, tuple(tuple(islice(widths, len(block))) for block in VGG16))
    for layer, kernel, bias in zip(convolutions(model), kernels, biases, strict=True):
        layer.set_weights([kernel, bias])
    return model


def _constants(path: Path) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Return kernels (height, width, in, out) and biases, in the order of the convolutions."""
    interpreter = runtime.Interpreter(str(path))  # type: ignore[attr-defined]  # LiteRT has one importer
    interpreter.allocate_tensors()
    tensors = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    kernels, biases = [], []
    for operator in interpreter._get_ops_details():  # noqa: SLF001 - no public way to walk a file's operators
        if operator["op_name"] != "CONV_2D":
            continue
        _, kernel, bias = (int(index) for index in operator["inputs"])
        values = interpreter.get_tensor(kernel).astype(np.float32)
        scales = tensors[kernel]["quantization_parameters"]["scales"]
        if scales.size:
            values = values * scales.reshape(-1, 1, 1, 1)
        kernels.append(values.transpose(1, 2, 3, 0))  # LiteRT keeps (out, height, width, in)
        biases.append(interpreter.get_tensor(bias).astype(np.float32))
    return kernels, biases
