"""How large and how fast each architecture is, and which of the student comparison's counts can be had again."""

import statistics
from time import perf_counter, process_time

import keras
import numpy as np

from training.metrics.figures import Json
from training.studies.compare.architectures import RANDOM, backbone

SIZE = 224
# Where Keras' own example pictures are larger than 224 px.
OWN_SIZE = {"InceptionV3": 299, "Xception": 299, "EfficientNetB4": 380}
CLASSES = 2
# Trainable parameters as the student comparison lists them; it says neither the head nor the input size.
LISTED = {"VGG16": 50_178, "ResNet50": 50_178, "InceptionV3": 102_402, "Xception": 200_706}
WARM_UP, PASSES = 2, 9


def measured(name: str) -> Json:
    """Count and time an architecture at 224 px, with random weights: neither count nor time depends on them.

    Args:
        name: of `backbones.ARCHITECTURES`.

    Returns:
        Parameters of the backbone, of the plain Flatten + Dense(2) head at 224 px and at the architecture's own size,
        of both; the size of all of it in 32 bits; the median and the shortest time of one picture, and the median time
        that all cores spent on it together, which hardly depends on what else they do.
    """
    keras.utils.clear_session()
    base = backbone(name, RANDOM, SIZE)
    times, processor = latencies_ms(base)
    own = OWN_SIZE.get(name, SIZE)
    head = head_parameters(base)
    return {
        "name": name,
        "backbone": base.count_params(),
        "trainable": head,
        "total": base.count_params() + head,
        "channels": base.output_shape[-1],
        "own_size": own,
        "trainable_at_own_size": head if own == SIZE else head_parameters(backbone(name, RANDOM, own)),
        "size_mb": (base.count_params() + head) * 4 / 1e6,
        "latency_ms": statistics.median(times),
        "shortest_latency_ms": min(times),
        "processor_ms": statistics.median(processor),
    }


def head_parameters(base: keras.Model) -> int:
    """Return the parameters of Flatten + Dense(2) on a backbone."""
    return (int(np.prod(base.output_shape[1:])) + 1) * CLASSES


def latencies_ms(base: keras.Model) -> tuple[list[float], list[float]]:
    """Return the times of single passes of one picture, in Keras, and their processor times, in milliseconds."""
    picture = np.full((1, *base.input_shape[1:]), 128, np.float32)
    times, processor = [], []
    for _ in range(WARM_UP + PASSES):
        began, spent = perf_counter(), process_time()
        base.predict_on_batch(picture)
        times.append((perf_counter() - began) * 1000)
        processor.append((process_time() - spent) * 1000)
    return times[WARM_UP:], processor[WARM_UP:]


def compared(found: Json) -> str:
    """Say whether the student comparison's count was had again, and if not, why."""
    name, listed = found["name"], LISTED.get(found["name"])
    if listed is None:
        return "not listed"
    if listed == found["trainable"]:
        larger = found["trainable_at_own_size"]
        at_own = "" if larger == listed else f"; at its own {found['own_size']} px it would be {larger:,}"
        return f"yes, at {SIZE} px{at_own}"
    inputs, left = divmod(listed - CLASSES, CLASSES)
    channels = found["channels"]
    if left or inputs % channels:
        same = [each for each, count in LISTED.items() if count == listed and each != name]
        row = f"; it is the figure of {same[0]}, in whose row it stands too" if same else ""
        return f"no, at no size: {inputs:,} inputs are no multiple of the {channels:,} channels{row}"
    return f"no: {inputs // channels} places of {channels:,} channels are not those of {SIZE} px"
