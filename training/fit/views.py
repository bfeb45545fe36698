"""Whether a radiograph was taken from behind (PA) or from the front (AP), estimated where the publisher does not say.

AP films are mostly portable ones of people who lie in bed: a network that tells them apart seems to tell illness.
"""

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from training import cache
from training.data.augment import Augmentation, changed
from training.data.crops import Crops, pixel_path
from training.networks.vgg16 import resized

AP, PA = "AP", "PA"
SIZE = 128  # px
REGULARISATION = 1e-3  # C of scikit-learn
BATCH = 256


def known(data: Crops) -> NDArray[np.str_]:
    """Return AP (supine or not) or PA for each radiograph; blank where the publisher does not say."""
    return np.array([AP if row.view.startswith(AP) else PA if row.view == PA else "" for row in data.rows])


def estimated(
    data: Crops, used: NDArray[np.intp], of: NDArray[np.intp], plain: keras.Model, spread: float
) -> NDArray[np.str_]:
    """Return AP or PA for each radiograph: the publisher's word, or else, for some of them, an estimate.

    A logistic regression learns it from the train split's radiographs of known view; every source, label and view
    weighs by the square root of its size.

    Args:
        data: the crops.
        used: the radiographs that it may learn from.
        of: the radiographs whose view is wanted.
        plain: a VGG16 whose averaged features tell it.
        spread: see `vgg16.start_from`.

    Returns:
        Shape (radiographs,); blank where nobody asked for it.
    """
    views = known(data)
    train = np.intersect1d(data.where(split="train"), used)
    taught = train[views[train] != ""]
    asked = of[views[of] == ""]
    if not len(asked) or len(np.unique(views[taught])) < 2:
        return views
    chosen = np.concatenate([taught, asked])
    features = _features(data, chosen, plain, spread)
    scaler = StandardScaler().fit(features[: len(taught)])
    cells = [f"{data.rows[i].source} {data.rows[i].label} {views[i]}" for i in taught]
    _, cell, sizes = np.unique(cells, return_inverse=True, return_counts=True)
    model = LogisticRegression(C=REGULARISATION, max_iter=3000)
    model.fit(scaler.transform(features[: len(taught)]), views[taught], sample_weight=sizes[cell] ** -0.5)
    views[asked] = model.predict(scaler.transform(features[len(taught) :]))
    return views


def _features(data: Crops, chosen: NDArray[np.intp], plain: keras.Model, spread: float) -> NDArray[np.float32]:
    """Return the averaged features of blocks 4 and 5, shape (n, 1024)."""
    digest = cache.digest(*(array.tobytes() for array in plain.get_weights()))
    parts = ([data.rows[i].sha256 for i in chosen], pixel_path(), SIZE, spread, digest)

    def make() -> dict[str, NDArray[np.float32]]:
        model = resized(plain, SIZE)
        pools = [layers.GlobalAveragePooling2D()(model.get_layer(f"block{block}_pool").output) for block in (4, 5)]
        averages = keras.Model(model.input, layers.Concatenate()(pools))
        found = []
        for first in range(0, len(chosen), BATCH):
            grey = changed(data.images, chosen[first : first + BATCH], SIZE, Augmentation(), (0,))
            found.append(averages.predict(np.repeat(grey * spread, 3, axis=-1), verbose=0))
        return {"features": np.concatenate(found).astype(np.float32)}

    return cache.arrays("views", parts, make)["features"]
