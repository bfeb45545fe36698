"""The 25 + 25 experiment of 2020.

DIR holds covid/ and normal/, as `build_covid_dataset` and `sample_kaggle_dataset` of this folder lay them out.
The plan is the tutorial's: whole pictures squashed to 224 px and divided by 255, a random 80/20 split, a frozen VGG16,
25 epochs in batches of 8. Its figures are printed with the intervals that ten test pictures allow, and beside them
what a logistic regression reaches on the border of the same pictures.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np
from keras import layers
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split

from training.data.collection import pictures
from training.fit.features import is_served, served, vgg16_with
from training.metrics.discrimination import confusion, wilson
from training.networks.litert import vgg16_from
from training.report.plots import CYCLE, DPI
from xray.errors import DatasetError
from xray.io import image
from xray.registry import BACKBONE

CLASSES = ("covid", "normal")
SIZE, TEST_SHARE = 224, 0.2
EPOCHS, BATCH, LEARNING_RATE, ROTATION_DEGREES, SEED = 25, 8, 1e-3, 15, 42
LEAST = 5  # pictures of a class: one of them is for the test
BORDER = SIZE // 8


@dataclass(frozen=True)
class Part:
    """Pictures as the network takes them.

    Attributes:
        x: float32, shape (n, 224, 224, 3), values 0 to 1.
        y: int, shape (n,), 1 for covid.
    """

    x: NDArray[np.float32]
    y: NDArray[np.intp]


class Rotated(keras.utils.PyDataset):
    """Batches of pictures, each turned at random by up to 15 degrees; edges are repeated."""

    def __init__(self, part: Part, seed: int) -> None:
        """Draw from these pictures, in a new order every epoch."""
        super().__init__()
        self.part, self.rng = part, np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        """Return the number of batches; the last may be smaller."""
        return -(-len(self.part.y) // BATCH)

    def __getitem__(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return one batch: pictures, and classes in the order of CLASSES."""
        chosen = self.order[number * BATCH : (number + 1) * BATCH]
        x = np.stack([self._turned(self.part.x[i]) for i in chosen])
        return x, two_columns(self.part.y[chosen])

    def on_epoch_end(self) -> None:
        """Shuffle."""
        self.order = self.rng.permutation(len(self.part.y))

    def _turned(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        angle = self.rng.uniform(-ROTATION_DEGREES, ROTATION_DEGREES)
        matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), angle, 1)
        turned = cv2.warpAffine(picture, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(turned, np.float32)


def two_columns(y: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return one column a class, in the order of CLASSES."""
    return np.stack([y == 1, y == 0], axis=1).astype(np.float32)


def read(dataset: Path) -> Part:
    """Read both folders, as the tutorial does: squashed, grey repeated, divided by 255.

    Raises:
        DatasetError: a folder is missing or holds fewer than 5 pictures.
        ImageError: a file cannot be read.
    """
    x, y = [], []
    for name in CLASSES:
        found = sorted(pictures(dataset / name))
        if len(found) < LEAST:
            raise DatasetError(
                f"{dataset / name}: expected at least {LEAST} pictures; received {len(found)}. Lay them out with "
                "`python -m training.studies.covid_25.build_covid_dataset` and "
                "`python -m training.studies.covid_25.sample_kaggle_dataset`."
            )
        for path in found:
            grey = cv2.resize(image.read(path.read_bytes()), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
            x.append(np.repeat(grey[..., None], 3, axis=2).astype(np.float32) / 255)
            y.append(int(name == "covid"))
    return Part(np.stack(x), np.array(y))


def network(weights: str) -> keras.Model:
    """Build the tutorial's network: VGG16, frozen, below a head of 32,962 parameters.

    Args:
        weights: the name of a network in model/, `imagenet` (Keras downloads it), `random`, or a file of VGG16 weights.

    Returns:
        A model from float32 (batch, 224, 224, 3) to softmax scores (batch, 2), in the order of CLASSES.
    """
    if weights == "random":
        base = keras.applications.VGG16(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
    else:
        base = vgg16_from(served(weights), SIZE) if is_served(weights) else vgg16_with(weights, SIZE)
    base.trainable = False
    x = layers.AveragePooling2D(4, name="average")(base.output)
    x = layers.Dense(64, activation="relu", name="dense")(layers.Flatten(name="flatten")(x))
    x = layers.Dropout(0.5, name="dropout")(x)
    return keras.Model(base.input, layers.Dense(2, activation="softmax", name="output")(x), name="covid19")


def fit(model: keras.Model, train: Part, test: Part, epochs: int) -> dict[str, list[float]]:
    """Train the head, and return loss and accuracy of both parts for each epoch."""
    # The tutorial's Adam(lr=INIT_LR, decay=INIT_LR / EPOCHS), as Keras 3 writes it.
    rate = keras.optimizers.schedules.InverseTimeDecay(LEARNING_RATE, 1, LEARNING_RATE / epochs)
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    held = (test.x, two_columns(test.y))
    history = model.fit(Rotated(train, SEED), validation_data=held, epochs=epochs, verbose=2)
    return dict(history.history)


def report(y: NDArray[np.intp], score: NDArray[np.float64]) -> str:
    """Return the tutorial's figures of the test pictures, with Wilson's 95 % intervals.

    Args:
        y: 1 for covid.
        score: for covid, 0 to 1.
    """
    counts = confusion(y, score, threshold=0.5)
    right = counts.true_positive + counts.true_negative
    shares = {
        "accuracy": (right, len(y)),
        "sensitivity": (counts.true_positive, int(y.sum())),
        "specificity": (counts.true_negative, int((1 - y).sum())),
    }
    named = np.where(y == 1, *CLASSES), np.where(score >= 0.5, *CLASSES)
    matrix = [[counts.true_positive, counts.false_negative], [counts.false_positive, counts.true_negative]]
    lines = [
        classification_report(*named, labels=CLASSES, zero_division=np.nan),
        f"confusion matrix (rows: is {CLASSES[0]}, is {CLASSES[1]}; columns: called so): {matrix}",
    ]
    for name, (hits, of) in shares.items():
        low, high = wilson(hits, of)
        lines.append(f"{name}: {hits / of:.4f} [{low:.3f}, {high:.3f}] ({hits} of {of})")
    return "\n".join(lines)


def border_accuracy(train: Part, test: Part) -> float:
    """Return the accuracy of a logistic regression on the frame around the pictures, which holds no lung."""
    frame = np.ones((SIZE, SIZE), bool)
    frame[BORDER:-BORDER, BORDER:-BORDER] = False
    seen = [part.x[..., 0][:, frame][:, ::8] for part in (train, test)]
    model = LogisticRegression(C=0.01, max_iter=1000).fit(seen[0], train.y)
    return float(model.score(seen[1], test.y))


def draw(history: dict[str, list[float]], path: Path) -> None:
    """Draw the tutorial's plot: loss and accuracy of both parts over the epochs."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    names = {"loss": "training loss", "val_loss": "test loss", "accuracy": "training accuracy",
             "val_accuracy": "test accuracy"}  # fmt: skip
    for colour, (key, label) in zip(CYCLE, names.items(), strict=False):
        axes.plot(range(1, len(history[key]) + 1), history[key], color=colour, label=label)
    axes.set(xlabel="epoch", ylabel="loss, accuracy", title="25 + 25 pictures: loss and accuracy")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DPI)


WARNING = """What these figures are worth: the split is random, so a patient may stand on both sides; a handful of
pictures gives intervals this wide; and the COVID-19 films of the tutorial are of adults, the normal ones of children,
from other machines. A logistic regression on the border of the same pictures, without any lung, reaches accuracy
{border:.3f}."""


def main() -> None:
    """Read the command line, train, report, and keep plot and model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-d", "--dataset", type=Path, required=True, help="holds covid/ and normal/")
    parser.add_argument("-p", "--plot", type=Path, default=Path("plot.png"), help="the PNG to write (plot.png)")
    parser.add_argument("-m", "--model", type=Path, default=Path("covid19.keras"), help="the .keras file to write")
    parser.add_argument(
        "--weights", default=BACKBONE, help="a network of model/ (default: ours), imagenet, random, or a file"
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    args = parser.parse_args()
    if args.model.suffix != ".keras":
        parser.error(f"expected a file name that ends in .keras for --model; received {args.model}")
    keras.utils.set_random_seed(SEED)
    data = read(args.dataset)
    parts = train_test_split(np.arange(len(data.y)), test_size=TEST_SHARE, stratify=data.y, random_state=SEED)
    train, test = (Part(data.x[chosen], data.y[chosen]) for chosen in parts)
    model = network(args.weights)
    history = fit(model, train, test, args.epochs)
    score = model.predict(test.x, batch_size=BATCH, verbose=0)[:, 0].astype(np.float64)
    print(report(test.y, score))
    print(WARNING.format(border=border_accuracy(train, test)))
    draw(history, args.plot)
    args.model.parent.mkdir(parents=True, exist_ok=True)
    model.save(args.model)


if __name__ == "__main__":
    main()
