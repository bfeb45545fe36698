"""What a radiograph is asked while the backbone learns.

Each source has a question of its own, a softmax over the findings that it holds: to know the hospital answers nothing.
A question may be put to other sources too; a radiograph that shows none of its answers is then told that it is not the
first one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from training.config import Choices
from training.data.manifest import Row
from xray.errors import DatasetError

Floats = NDArray[np.float32]
IMPOSSIBLE = -1e9  # added to the logit of an answer that is wrong: its share is 0, and so is its gradient


class Question(Choices, frozen=True):
    """One softmax.

    Attributes:
        name: of the question.
        answers: findings of the manifest, `bacterial` and `viral` pneumonia among them; the first one stands for no
            finding.
        sources: who is asked, and what the answer weighs in the loss.
    """

    name: str
    answers: tuple[str, ...]
    sources: dict[str, float]

    def allowed(self, row: Row) -> list[bool]:
        """Return which answers are right for a radiograph."""
        words = row.finding.lower()
        kind = "bacterial" if "bacteri" in words else "viral" if "vir" in words else row.label
        found = next((each for each in (kind, row.label) if each in self.answers), None)
        return [each == found if found else place > 0 for place, each in enumerate(self.answers)]


@dataclass(frozen=True)
class Questionnaire:
    """All questions; the network's logits are their answers, one after the other."""

    questions: tuple[Question, ...]

    @property
    def size(self) -> int:
        """The number of logits."""
        return sum(len(each.answers) for each in self.questions)

    def columns(self, name: str) -> slice:
        """Return where the logits of a question stand."""
        first = 0
        for each in self.questions:
            if each.name == name:
                return slice(first, first + len(each.answers))
            first += len(each.answers)
        raise DatasetError(f"Expected a question out of {[each.name for each in self.questions]}. Received: {name}.")

    def targets(self, rows: Sequence[Row], smoothing: float) -> Floats:
        """Return what `Answers` expects, shape (n, size + questions + 1).

        Columns: 1 at each right answer; the weight of each question; the share of the loss that asks for an even
        distribution, which is the label smoothing.
        """
        table = np.zeros((len(rows), self.size + len(self.questions) + 1), np.float32)
        for row, values in zip(rows, table, strict=True):
            values[: self.size] = [right for each in self.questions for right in each.allowed(row)]
            values[self.size : -1] = [each.sources.get(row.source, 0.0) for each in self.questions]
        table[:, -1] = smoothing
        return table


@keras.saving.register_keras_serializable("training")
class Answers(keras.losses.Loss):
    """Weighted sum of the cross-entropies of all questions.

    Where several answers are right, their sum is to be 1.
    """

    def __init__(self, sizes: Sequence[int], name: str = "answers", **more: object) -> None:
        """Remember how many answers each question has."""
        super().__init__(name=name, **more)
        self.sizes = tuple(sizes)

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Return the loss of each radiograph, shape (batch,); `y_true` is as `Questionnaire.targets` makes it."""
        even, first, total = y_true[:, -1], 0, 0.0
        for place, size in enumerate(self.sizes):
            share = ops.log_softmax(y_pred[:, first : first + size], axis=-1)
            wrong = 1.0 - y_true[:, first : first + size]
            right = ops.logsumexp(share + IMPOSSIBLE * wrong, axis=-1)
            loss = -(1.0 - even) * right - even * ops.mean(share, axis=-1)
            total = total + y_true[:, sum(self.sizes) + place] * loss
            first += size
        return total

    def get_config(self) -> dict[str, object]:
        """Return what a saved model keeps."""
        return {**super().get_config(), "sizes": list(self.sizes)}


@keras.saving.register_keras_serializable("training")
class Opacity(keras.losses.Loss):
    """Binary cross-entropy of the opacity map, over the places that somebody has marked or said to be free."""

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Return the loss of each radiograph, shape (batch,).

        Args:
            y_true: shape (batch, g, g, 2): share of the place that is opaque; 1 where that is known, else 0.
            y_pred: logits, shape (batch, g, g, 1).
        """
        opaque, known = y_true[..., 0], y_true[..., 1]
        logits = y_pred[..., 0]
        loss = ops.softplus(logits) - opaque * logits
        return ops.mean(known * loss, axis=(1, 2))
