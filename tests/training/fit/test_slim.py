"""The step that makes a slimmer backbone: it learns from the served one, resumes, and says how near it came."""

import msgspec
import numpy as np
import pytest

keras = pytest.importorskip("keras")

from training import run  # noqa: E402
from training.data.augment import Augmentation  # noqa: E402
from training.fit import features, slim  # noqa: E402
from training.networks import litert, prune, vgg16  # noqa: E402
from xray.networks.runtime import Network  # noqa: E402

WIDE = ((4, 4), (4, 6), (6, 6, 6), (6, 6, 6), (6, 6, 512))
NARROW = ((3, 3), (3, 4), (4, 4, 4), (4, 4, 4), (4, 4, 512))
STAGE = slim.Stage(32, 1, 8, 4)


@pytest.fixture
def config(tmp_path, monkeypatch) -> slim.SlimConfig:
    """A small teacher, and two short stages."""
    monkeypatch.setattr(prune, "PLACES", 200)
    keras.utils.set_random_seed(1)
    teacher = vgg16.vgg16(64, WIDE)
    for layer in vgg16.convolutions(teacher):
        kernel, bias = layer.get_weights()
        layer.set_weights([2 * kernel, bias + 0.1])
    (tmp_path / "teacher.tflite").write_bytes(litert.convert(vgg16.features(teacher)))
    return slim.SlimConfig(
        "small", str(tmp_path / "teacher.tflite"), NARROW, 64, 6, 1e-3, 0.5, 1,
        (STAGE, msgspec.structs.replace(STAGE, size=64)), Augmentation(flip=0.5),
    )  # fmt: skip


def test_a_killed_run_goes_on_and_ends_with_a_network_that_can_be_served(
    config, collection, tmp_path, killed_after_an_epoch
):
    folder = tmp_path / "run"

    with killed_after_an_epoch():
        slim.train(config, collection, folder)
    assert [row["epoch"] for row in run.history(folder)] == [0]
    assert not (folder / "network.keras").exists()
    slim.train(config, collection, folder)
    assert [(row["epoch"], row["size"]) for row in run.history(folder)] == [(0, 32), (1, 64)]
    steps = keras.models.load_model(folder / "last.keras").optimizer.iterations
    assert int(steps) == 4  # two batches an epoch: none was learned anew
    ended = features.vgg16_with(str(folder / "network.keras"), 64)
    assert vgg16.plan_of(ended) == NARROW
    assert {weights.dtype for weights in ended.get_weights()} == {np.dtype(np.float32)}


def test_what_is_served_speaks_in_the_teacher_s_units(config, collection, tmp_path):
    """The last layer learns standardised features; what is saved gives them as the teacher does."""
    still = msgspec.structs.replace(config, peak_learning_rate=1e-9, plan=WIDE)
    slim.train(still, collection, tmp_path / "run")
    student = vgg16.features(features.vgg16_with(str(tmp_path / "run" / "network.keras"), 64))
    x = np.random.default_rng(0).normal(size=(1, 64, 64, 3)).astype(np.float32)
    theirs = Network(tmp_path / "teacher.tflite")(x)
    np.testing.assert_allclose(student.predict(x, verbose=0), theirs, atol=0.05 * theirs.max())
    assert run.history(tmp_path / "run")[-1]["val_averaged"] < 0.05


def test_only_train_films_teach(config, collection, tmp_path):
    from training.data.crops import crops
    from xray.networks.preprocess import Recipe

    data = crops(collection, Recipe("lung-box", 64))
    drawn = data.draw(200, (1, 0))
    assert {data.rows[i].split for i in drawn} == {"train"}
    np.testing.assert_array_equal(drawn, data.draw(200, (1, 0)))
    assert (drawn != data.draw(200, (1, 1))).any()
