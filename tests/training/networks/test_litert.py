"""The 8-bit file: close to Keras, and a way back to train further."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from training.networks import litert, vgg16  # noqa: E402
from xray.errors import ModelError  # noqa: E402
from xray.networks.runtime import Network  # noqa: E402


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A VGG16 and its served file."""
    keras.utils.set_random_seed(1)
    model = vgg16.vgg16(32)
    path = tmp_path_factory.mktemp("litert") / "network.tflite"
    path.write_bytes(litert.convert(vgg16.features(model)))
    return model, path


def test_eight_bit_features_are_close(pair):
    model, path = pair
    x = np.random.default_rng(0).normal(size=(1, 32, 32, 3)).astype(np.float32)
    expected = vgg16.features(model).predict(x, verbose=0)
    served = Network(path)(x)
    assert path.stat().st_size < 15_500_000
    assert np.abs(served - expected).mean() < 0.05 * np.abs(expected).mean()


def test_the_served_file_can_be_trained_further(pair):
    """Its weights come back, each within half a step of 1/127 of its channel's largest."""
    model, path = pair
    again = litert.vgg16_from(path, 32)
    for mine, theirs in zip(again.layers, model.layers, strict=True):
        if isinstance(mine, keras.layers.Conv2D):
            step = np.abs(theirs.get_weights()[0]).max(axis=(0, 1, 2)) / 127
            assert (np.abs(mine.get_weights()[0] - theirs.get_weights()[0]) <= 0.51 * step).all()


def test_another_network_is_refused(tmp_path):
    path = tmp_path / "unet.tflite"
    path.write_bytes(litert.convert(vgg16.unet(32, (4, 8))))
    with pytest.raises(ModelError, match="13 convolutions"):
        litert.vgg16_from(path)
