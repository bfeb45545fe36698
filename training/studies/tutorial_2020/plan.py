"""What the two-model tutorial chose and published: `configs/articles.toml` as dataclasses."""

from dataclasses import dataclass
from math import nan

MODELS = {"covid_normal": "Model 1", "covid_pneumo": "Model 2"}
# The name of the set of hyper-parameters that the tutorial kept.
KEPT = "second"


@dataclass(frozen=True)
class Settings:
    """One set of hyper-parameters, and what the tutorial's confusion matrix says of it.

    Attributes:
        model: covid_normal or covid_pneumo.
        name: first, or second: the one that the tutorial kept.
        negative: the label that is not COVID-19.
        learning_rate: of Adam, decayed as in the tutorial.
        epochs: passes over the training films.
        batch: films a step.
        units: of the hidden layer.
        pool: side of the average pooling, 2 or 4.
        dropout: share of hidden units dropped while training.
        rotation_degrees: largest turn of a training film to either side.
        test_share: of the films, drawn at random.
        test: true positives, false negatives, false positives, true negatives.
    """

    model: str
    name: str
    negative: str
    learning_rate: float
    epochs: int
    batch: int
    units: int
    pool: int
    dropout: float
    rotation_degrees: float
    test_share: float
    test: tuple[int, int, int, int]

    @property
    def key(self) -> str:
        """Name this set among all of them."""
        return f"{self.model}_{self.name}"


@dataclass(frozen=True)
class Reading:
    """What the tutorial says of a part that a kept model read."""

    model: str
    part: str
    called: int
    n: int
    mean: float = nan
    median: float = nan


@dataclass(frozen=True)
class Film:
    """What the tutorial says of one film that a kept model read."""

    model: str
    film: str
    score: float


@dataclass(frozen=True)
class Tutorial:
    """Choices and published figures; see configs/articles.toml."""

    seed: int
    other_seeds: tuple[int, ...]
    copies: int
    folds: int
    sets: tuple[Settings, ...]
    readings: tuple[Reading, ...]
    films: tuple[Film, ...]
