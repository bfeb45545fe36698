"""A network gives the same answer to any number of threads, and a broken file says how to mend it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from xray.errors import ModelError
from xray.networks.runtime import Network
from xray.registry import MODEL_DIR

LUNGS = MODEL_DIR / "lung_unet" / "network.tflite"


def pictures(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(1, 128, 128, 1)).astype(np.float32) for _ in range(count)]


def test_many_threads_get_their_own_answers() -> None:
    network = Network(LUNGS, pool_size=2, threads=1)
    inputs = pictures(12)
    alone = [network(x) for x in inputs]
    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(network, inputs))
    assert not np.array_equal(alone[0], alone[1])
    np.testing.assert_array_equal(alone, together)


@pytest.mark.parametrize(
    "content",
    [None, b"", b"version https://git-lfs.github.com/spec/v1\n", LUNGS.read_bytes()[:-100]],
    ids=["missing", "empty", "text", "truncated"],
)
def test_a_broken_file_names_itself_and_the_mending_command(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "network.tflite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match="git checkout -- model") as caught:
        Network(path)
    assert str(path) in str(caught.value)


def test_convolutions_take_another_size() -> None:
    network = Network(MODEL_DIR / "vgg16_cxr" / "network.tflite", side=64)
    assert network.input_shape == (1, 64, 64, 3) and network.output_shape == (1, 4, 4, 512)
    assert network(np.ones((1, 64, 64, 3), np.float32)).any()
