"""Counts of parameters, and those that the student comparison lists."""

import pytest

from training.studies.compare import parameters
from training.studies.compare.architectures import backbone


@pytest.mark.parametrize(
    ("name", "head"), [("VGG16", 50_178), ("InceptionV3", 102_402), ("Xception", 200_706), ("ResNet50", 200_706)]
)
def test_a_plain_head_has_the_parameters_that_arithmetic_says(name, head):
    base = backbone(name, "random", 224)
    assert parameters.head_parameters(base) == head
    found = {"name": name, "trainable": head, "channels": base.output_shape[-1], "own_size": 224,
             "trainable_at_own_size": head}  # fmt: skip
    said = parameters.compared(found)
    if name == "ResNet50":  # its row repeats that of VGG
        assert (
            said.startswith("no, at no size: 25,088 inputs are no multiple of the 2,048 channels") and "VGG16" in said
        )
    else:
        assert said == "yes, at 224 px"


def test_an_architecture_is_counted_and_timed():
    found = parameters.measured("MobileNetV2")
    assert found["backbone"] == 2_257_984 and found["trainable"] == 7 * 7 * 1280 * 2 + 2
    assert found["total"] == found["backbone"] + found["trainable"]
    assert found["size_mb"] == pytest.approx(found["total"] * 4 / 1e6)
    assert 0 < found["shortest_latency_ms"] <= found["latency_ms"]
    assert parameters.compared(found) == "not listed"


def test_an_own_size_larger_than_224_is_said():
    found = {"name": "Xception", "trainable": 200_706, "own_size": 299, "trainable_at_own_size": 409_602}
    assert parameters.compared(found) == "yes, at 224 px; at its own 299 px it would be 409,602"
