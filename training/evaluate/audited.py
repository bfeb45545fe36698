"""Networks under audit, and the films that they are shown: those that serving would show them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.manifest import Row
from training.networks.first_edition import Band, HeadWeights, LinearHead, verdict
from xray.errors import DatasetError, NotAChestXrayError
from xray.io import image
from xray.io.pixels import GreyImage
from xray.networks import lungs
from xray.networks.heads import Features, Head, Verdict
from xray.networks.preprocess import Recipe, crop, crop_box, scale
from xray.quality.polarity import FrontalView, frontal_view

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]
Record = dict[str, Any]
Look = Callable[[Row, GreyImage, FrontalView], Iterable[Record]]  # at a film, and the picture that it came as

THREADS = 2


@dataclass(frozen=True, eq=False)
class AuditedHead:
    """A head, and how its score becomes a verdict.

    Attributes:
        weights: from features to two logits.
        positive: the output that the score is for, 0 or 1.
        temperature: what the logits are divided by.
        band: the scores that are INCONCLUSIVE.
    """

    weights: HeadWeights
    positive: int
    temperature: float
    band: Band

    @classmethod
    def of(cls, head: Head) -> "AuditedHead":
        """Take what an audit needs from a served head."""
        facts = head.facts
        band = Band(facts.point.negative_below, facts.point.positive_from)
        return cls(LinearHead(head.kernel, head.bias), facts.labels.index(facts.positive), facts.temperature, band)

    def score(self, features: Features) -> float:
        """Return the positive class's share, in [0, 1]."""
        return float(self.weights.scores(features, self.temperature)[self.positive])

    def verdict(self, score: float) -> Verdict:
        """Return the verdict as serving gives it: on the score rounded to 4 decimals."""
        return verdict(round(score, 4), self.band)

    def named(self, features: Features) -> int:
        """Return the class whose evidence serving shows: the negative one for NEGATIVE, else the positive one."""
        negative = self.verdict(self.score(features)) is Verdict.NEGATIVE
        return 1 - self.positive if negative else self.positive


@dataclass(frozen=True, eq=False)
class Served:
    """The networks under audit; two threads call them at once.

    Attributes:
        segmenter: the U-Net, from float32 (1, 128, 128, 1) to float32 (1, 128, 128, 1).
        backbone: from float32 (1, size, size, 3) to the features (1, size/16, size/16, channels).
        recipe: makes the backbone's input.
        heads: by name.
    """

    segmenter: Run
    backbone: Run
    recipe: Recipe
    heads: Mapping[str, AuditedHead]

    def film(self, picture: GreyImage) -> FrontalView | None:
        """Pass a picture through the gate, turned back if it came as a negative; None where it is refused."""
        try:
            return frontal_view(picture, lambda each: lungs.segment(each, self.segmenter))
        except NotAChestXrayError:
            return None

    def features(self, square: NDArray[np.uint8]) -> Features:
        """Return the features of a crop, uint8, shape (size, size)."""
        features: Features = self.backbone(scale(square, self.recipe)[None])[0]
        return features

    def features_of(self, film: FrontalView) -> Features:
        """Return the features of a whole film."""
        return self.features(crop(film.image, crop_box(film.lungs, self.recipe), self.recipe))

    def scores(self, film: FrontalView | None) -> dict[str, float]:
        """Return each head's score of a film; NaN where there is none."""
        if film is None:
            return dict.fromkeys(self.heads, np.nan)
        features = self.features_of(film)
        return {name: head.score(features) for name, head in self.heads.items()}

    def survey(self, look: Look, rows: Sequence[Row], folder: Path, words: str) -> pd.DataFrame:
        """Look at all films that the gate lets in, two at once, and gather what is found, in their order.

        Args:
            look: called with a row, its picture and the film made of it; gives any number of records.
            rows: the films.
            folder: the data root that their paths start from.
            words: name the work beside its progress.

        Returns:
            One line for each record.

        Raises:
            DatasetError: the gate let no film in.
        """

        def one(row: Row) -> list[Record]:
            picture = image.read((folder / row.path).read_bytes())
            film = self.film(picture)
            return [] if film is None else list(look(row, picture, film))

        with ThreadPoolExecutor(THREADS) as pool:
            done = tqdm(pool.map(one, rows), total=len(rows), desc=words, disable=None)
            found = [record for records in done for record in records]
        if not found:
            raise DatasetError(f"Expected films that the gate lets in. Received {len(rows)}, of which it lets in none.")
        return pd.DataFrame(found)


def about(row: Row) -> Record:
    """Return what a table says of a film: enough to measure it by class, source and patient."""
    return {key: getattr(row, key) for key in ("path", "label", "source", "patient_id", "group")}


def chance(row: Row) -> np.random.Generator:
    """Return a film's own source of chance: the same in whatever company it is audited."""
    return np.random.default_rng(int(row.sha256, 16))
