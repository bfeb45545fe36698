"""From a file's bytes to its verdicts: the one pixel path, in serving and in training."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from xray.errors import ImageError, NotAChestXrayError
from xray.io import image
from xray.io.pixels import GreyImage, GreyLevels, rotate
from xray.networks import lungs
from xray.networks.heads import Features
from xray.networks.lungs import LungMask
from xray.networks.preprocess import Box, Recipe, crop, crop_box, scale
from xray.networks.runtime import Network
from xray.opacity import Measures, Opacity
from xray.prediction import Prediction, predict
from xray.quality import burnt_in, cautions, frame, frontal
from xray.quality.cautions import Caution
from xray.quality.frame import Part
from xray.registry import BACKBONE, MODEL_DIR, PROMISED, Registry

# The two models that the project promises, and every model that there is.
BOTH_MODELS, ALL_MODELS = "both", "all"


class Stopwatch:
    """Records the time of each stage.

    Attributes:
        seconds: by the name of each stage, in the order in which they were done.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Start.

        Args:
            clock: monotonic, in seconds.
        """
        self.seconds: dict[str, float] = {}
        self._clock, self._since = clock, clock()

    def lap(self, stage: str) -> None:
        """End a stage, which took the time since the previous one ended."""
        now = self._clock()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now


@dataclass(frozen=True)
class Adjustments:
    """What is done to a picture before it is read, as its sender asks.

    Attributes:
        turn: degrees clockwise by which it is turned first, one of `xray.io.pixels.TURNS`.
        part: which of two pictures in one is read, as they stand after the turn; None for the frontal one.
        straighten: whether a tilted radiograph is turned upright.
    """

    turn: int = 0
    part: Part | None = None
    straighten: bool = False


AS_SENT = Adjustments()


@dataclass(frozen=True, eq=False)
class Prepared:
    """One radiograph as the networks get it.

    Attributes:
        image: grey, uint8, shape (height, width), white bones; at the serving size (`xray.io.pixels`).
        lungs: bool, same shape, True inside the lungs.
        box: the part of the image that the backbone sees.
        crop: uint8, shape (size, size) of the recipe, the box with its contrast set; `preprocess.scale` makes the
            backbone's input of it.
        inverted: whether the image came as a negative.
        sent: height and width of the image that was sent, without what was cut off.
        film: the part of the decoded picture that `image` is, unless it was straightened; all of the picture, unless
            borders or a neighbour were cut off.
        whole: height and width of the decoded picture.
        deep: all grey levels, in the shape of `image`, where there are more than 8 bits and they were asked for.
        cautions: what was passed over in the file, or beside the film, and whether it was straightened.
    """

    image: GreyImage
    lungs: LungMask
    box: Box
    crop: GreyImage
    inverted: bool
    sent: tuple[int, int]
    film: Box
    whole: tuple[int, int]
    deep: GreyLevels | None = None
    cautions: tuple[Caution, ...] = ()


def prepare(
    data: bytes,
    segmenter: Network,
    recipe: Recipe,
    *,
    adjust: Adjustments = AS_SENT,
    deep: bool = False,
    watch: Stopwatch | None = None,
) -> Prepared:
    """Turn a file into what the networks get: decode, frame, polarity, lungs, quality gate, crop.

    Serving runs this, and training's crops are made by it: there is no other way to a network's input.

    Args:
        data: the content of a PNG, JPEG or DICOM file.
        segmenter: the lung network.
        recipe: of the backbone.
        adjust: what is done to the picture first.
        deep: whether all grey levels are wanted of an image of more than 8 bits.
        watch: notes how long each stage takes.

    Raises:
        ImageError: the file is not a frontal chest radiograph that can be read; the message says why.
    """
    watch = watch or Stopwatch()
    decoded = image.load(data, deep=deep).rotate(adjust.turn)
    watch.lap("decode")

    def segment(picture: GreyImage) -> LungMask:
        return lungs.segment(picture, segmenter)

    film, part = frame.find(decoded.image, segment, adjust.part)
    height, width = decoded.image.shape
    decoded = decoded.crop(*film)
    view = frontal.frontal_view(decoded.image, segment)
    tilted = adjust.straighten and cautions.is_tilted(view.lungs)
    if tilted:
        decoded = decoded.rotate(-cautions.tilt(view.lungs))
        view = frontal.frontal_view(decoded.image, segment)
    watch.lap("lungs")
    box = crop_box(view.lungs, recipe)
    levels = decoded.deep.negative() if decoded.deep and view.inverted else decoded.deep
    square = crop(view.image, box, recipe)
    said = tuple(map(Caution, decoded.flaws))
    said += (Caution(f"{part}_part"),) if part else ()
    said += (Caution.STRAIGHTENED,) if tilted else ()
    return Prepared(
        view.image, view.lungs, box, square, view.inverted, decoded.sent, film, (height, width), levels, said
    )


@dataclass(frozen=True, eq=False)
class Analysis:
    """One radiograph and what was found in it.

    Attributes:
        image: grey, uint8, shape (height, width), white bones; at the serving size (`xray.io.pixels`).
        lungs: bool, same shape, True inside the lungs.
        box: the part that the networks saw.
        predictions: one per model asked for, in that order.
        cautions: why the verdicts deserve more doubt than their scores say.
        sent: height and width of the image that was sent; None where they are those of `image`.
        deep: all grey levels of the radiograph, in the shape of `image`, where there are more and they were wanted.
        opacity: the opacity map; None where none was made for the backbone.
        text: lines of burnt-in text, in pixels of `image`; see `xray.quality.burnt_in`.
        seconds: how long each stage took, in their order.
    """

    image: GreyImage
    lungs: LungMask
    box: Box
    predictions: tuple[Prediction, ...]
    cautions: tuple[Caution, ...] = ()
    sent: tuple[int, int] | None = None
    deep: GreyLevels | None = None
    opacity: Opacity | None = None
    text: tuple[Box, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def tilt(self) -> int:
        """Degrees by which the radiograph is turned clockwise from upright."""
        return cautions.tilt(self.lungs)

    @property
    def inverted(self) -> bool:
        """Whether the image came as a negative, and `image` is what it was turned back to."""
        return Caution.INVERTED in self.cautions

    @property
    def measures(self) -> Measures | None:
        """What was measured on the opacity map; None where there is none."""
        return self.opacity.measures if self.opacity else None


class Analyzer:
    """From a file's bytes to its verdicts; any number of threads may use one.

    Attributes:
        registry: the networks and heads that it uses.
    """

    def __init__(self, registry: Registry) -> None:
        """Use the networks and heads of a registry."""
        self.registry = registry

    @classmethod
    def load(
        cls, model_dir: Path = MODEL_DIR, *, backbone: str = BACKBONE, pool_size: int = 1, threads: int = 2
    ) -> "Analyzer":
        """Load the artefacts; see Registry.load."""
        return cls(Registry.load(model_dir, backbone=backbone, pool_size=pool_size, threads=threads))

    @property
    def names(self) -> tuple[str, ...]:
        """The models, in the order in which they are shown."""
        return tuple(self.registry.heads)

    def expand(self, choice: str) -> tuple[str, ...]:
        """Turn a choice of the form or the command line into model names.

        Args:
            choice: a model's name, "both" for models 1 and 2, or "all" for every model.

        Raises:
            ValueError: no such model.
        """
        several = {BOTH_MODELS: PROMISED, ALL_MODELS: self.names}
        if choice not in (*several, *self.names):
            known = ", ".join((*self.names, *several))
            raise ValueError(f"Expected a model out of {known}. Received: {choice!r}.")
        return several.get(choice, (choice,))

    def analyse(
        self, data: bytes, models: Sequence[str], *, adjust: Adjustments = AS_SENT, deep: bool = False
    ) -> Analysis:
        """Analyse one file: one pass of the lung network, one of the backbone, then each head and the opacity map.

        Args:
            data: the content of a PNG, JPEG or DICOM file.
            models: names out of `names`, or choices that `expand` knows.
            adjust: what is done to the picture first.
            deep: whether all grey levels are wanted of a radiograph of more than 8 bits.

        Raises:
            ImageError: the file cannot be analysed; the message says why.
            ValueError: a model that is not there.
        """
        names = dict.fromkeys(name for model in models for name in self.expand(model))
        watch = Stopwatch()
        backbone = self.registry.backbone
        try:
            ready = prepare(data, self.registry.segmenter, backbone.recipe, adjust=adjust, deep=deep, watch=watch)
        except NotAChestXrayError as error:
            if error.turn % 180:
                error.turn = self._quarter_turn(data, adjust, error.turn)
            raise
        features = self._features(ready.crop)
        watch.lap("backbone")
        said = self.registry.screen.examine(features)
        if Caution.UPSIDE_DOWN in said:
            turned = self._features(rotate(ready.crop, 180))
            # A tilt, a collimator or a pacemaker may look like it, and still more so when it is turned.
            if self.registry.screen.upside_down(turned) > self.registry.screen.upside_down(features):
                said = tuple(each for each in said if each is not Caution.UPSIDE_DOWN)
        said += cautions.of_image(ready.image, ready.lungs, inverted=ready.inverted)
        said += ((Caution.BLURRED,) if cautions.is_blurred(ready.crop) else ()) + ready.cautions
        text = burnt_in.find(ready.image, ready.lungs)
        said += (Caution.TEXT,) if text else ()
        predictions = tuple(predict(self.registry.heads[name], features, ready.box, ready.lungs) for name in names)
        watch.lap("heads")
        mapper = self.registry.opacity
        opacity = mapper.measure(features, ready.box, ready.lungs) if mapper else None
        watch.lap("opacity")
        return Analysis(
            ready.image, ready.lungs, ready.box, predictions, said, ready.sent, ready.deep, opacity, text, watch.seconds
        )

    def _features(self, square: GreyImage) -> Features:
        backbone = self.registry.backbone
        features: Features = backbone.network(scale(square, backbone.recipe)[None])[0]
        return features

    def _quarter_turn(self, data: bytes, adjust: Adjustments, first: int) -> int:
        """Return which quarter turn brings a radiograph upright: lungs are found after either, also upside down.

        Args:
            data: the content of the file.
            adjust: what was asked for.
            first: a quarter turn after which lungs are found, in degrees clockwise.
        """
        looks: dict[int, float] = {}
        for more in (first, 360 - first):
            turned = replace(adjust, turn=(adjust.turn + more) % 360)
            with suppress(ImageError):
                ready = prepare(data, self.registry.segmenter, self.registry.backbone.recipe, adjust=turned)
                looks[more] = self.registry.screen.upside_down(self._features(ready.crop))
        return min(looks, key=looks.__getitem__, default=first)
