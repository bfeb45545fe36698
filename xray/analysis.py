"""One radiograph in, one honest verdict per model out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from xray.io import image
from xray.io.grey_levels import Deep
from xray.io.image import GreyImage
from xray.networks import lungs
from xray.networks.classes import ClassesHead, ClassScore, as_text
from xray.networks.grad_cam import Cam, Heat, grad_cam, heat_in_lungs, lung_share, to_picture
from xray.networks.heads import Features, Head, Verdict, verdict
from xray.networks.lungs import LungMask
from xray.networks.metadata import Band
from xray.networks.preprocess import Box, crop_box, preprocess
from xray.quality import markers, polarity
from xray.quality.out_of_distribution import Caution
from xray.quality.polarity import Film
from xray.registry import BACKBONE, MODEL_DIR, PROMISED, Registry
from xray.stopwatch import Stopwatch

# The two models that the project promises, and every model that there is.
BOTH_MODELS, ALL_MODELS = "both", "all"
# What a model of several classes holds its verdict's label against.
OTHERS = "other"
# Share of the picture's edge that lung covers: hardly any on a whole film.
TIGHT = 0.10
# The least shorter side, in pixels, of which the training films had enough to learn from.
SMALL = 160


@dataclass(frozen=True, eq=False)
class Prediction:
    """What one model says about one radiograph.

    Attributes:
        model: its name, for machines.
        title: its name, for people.
        version: of the model.
        verdict: what the score means.
        score: for the positive class, in [0, 1], rounded to 4 decimals before it was judged, so that a
            printed score and its verdict never disagree.
        threshold: the operating point.
        band: the scores that are INCONCLUSIVE.
        positive: label of the class that the score is for, such as "covid".
        negative: label of the other class, such as "normal".
        explained: label of the class whose evidence the heat shows.
        heat_in_lungs: share of the heat that lies in the lungs, in [0, 1]; None where there is no heat.
        even_heat: the share that evenly spread heat would have there.
        cam: float32, Grad-CAM on the backbone's grid, values 0 to 1.
        box: the part of the picture that the network saw.
        shape: height and width of the picture.
        kind: of the model: "head" for one of two classes, else "multiclass" or "multilabel".
        classes: of a model of several classes, what it says of each. Verdict, score, threshold and band are then
            those of `positive`, and `negative` is OTHERS.
    """

    model: str
    title: str
    version: str
    verdict: Verdict
    score: float
    threshold: float
    band: Band
    positive: str
    negative: str
    explained: str
    heat_in_lungs: float | None
    even_heat: float
    cam: Cam
    box: Box
    shape: tuple[int, int]
    kind: str = "head"
    classes: tuple[ClassScore, ...] = ()

    @property
    def heat(self) -> Heat:
        """Grad-CAM at the picture's size: float32, values 0 to 1; made on demand, as it is large."""
        return to_picture(self.cam, self.box, self.shape)

    @property
    def called(self) -> str | None:
        """Of classes that exclude each other, the label of the only plausible one; None where there is none."""
        found = [each.label for each in self.classes if each.verdict is Verdict.POSITIVE]
        return found[0] if self.kind == "multiclass" and found else None

    @property
    def word(self) -> str:
        """The verdict as it stands on the annotated copy: the class, where the model tells several apart."""
        if self.kind != "multiclass" or self.verdict is Verdict.INCONCLUSIVE:
            return str(self.verdict)
        return in_words(self.called or "").upper()

    @property
    def reading(self) -> str:
        """The verdict in words: which of its classes the picture resembles."""
        if self.classes:
            return _reading_of_classes(self)
        if self.verdict is Verdict.INCONCLUSIVE:
            return f"Too close to call between {in_words(self.positive)} and {in_words(self.negative)}."
        more, less = in_words(self.positive), in_words(self.negative)
        if self.verdict is Verdict.NEGATIVE:
            more, less = less, more
        return f"Resembles the {more} radiographs that the model learned from more than the {less} ones."

    @property
    def arithmetic(self) -> str:
        """The score beside what it was judged by."""
        if self.classes:
            return "; ".join(_arithmetic_of_class(self, each) for each in self.classes)
        return (
            f"Score {self.score_text} for {in_words(self.positive)}; threshold {_decimals(self.threshold)}; "
            f"inconclusive from {_decimals(self.band.low)} to below {_decimals(self.band.high)}"
        )

    @property
    def score_text(self) -> str:
        """The score with 2 decimals, or with 4 where 2 would put it on the wrong side of the band."""
        return as_text(self.score, self.band)


@dataclass(frozen=True, eq=False)
class Analysis:
    """One radiograph and what was found in it.

    Attributes:
        image: grey, uint8, shape (height, width), white bones; as large as anything needs it (`image.LONGEST`).
        lungs: bool, same shape, True inside the lungs.
        box: the part that the networks saw.
        predictions: one per model asked for, in that order.
        cautions: why the verdicts deserve more doubt than their scores say.
        sent: height and width of the picture that was sent; None where they are those of `image`.
        deep: all grey levels of the radiograph, in the shape of `image`, where there are more and they were wanted.
        seconds: how long each stage took, in their order.
    """

    image: GreyImage
    lungs: LungMask
    box: Box
    predictions: tuple[Prediction, ...]
    cautions: tuple[Caution, ...] = ()
    sent: tuple[int, int] | None = None
    deep: Deep | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def inverted(self) -> bool:
        """Whether the picture came as a negative, and `image` is what it was turned back to."""
        return Caution.INVERTED in self.cautions


class Analyzer:
    """The whole road from a file's bytes to its verdicts; any number of threads may use one.

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
        return (*self.registry.heads, *self.registry.class_heads)

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

    def analyse(self, data: bytes, models: Sequence[str], *, turn: int = 0, deep: bool = False) -> Analysis:
        """Analyse one file: one pass of the lung network, one of the backbone, then each head.

        Args:
            data: the content of a PNG, JPEG or DICOM file.
            models: names out of `names`.
            turn: degrees clockwise by which the picture is turned first, one of `xray.io.image.TURNS`.
            deep: whether all grey levels are wanted of a film of more than 8 bits.

        Raises:
            ImageError: the file cannot be analysed; the message says why.
            ValueError: a model that is not there.
        """
        names = [name for model in models for name in self.expand(model)]
        watch = Stopwatch()
        picture = image.load(data, deep=deep).turned(turn)
        watch.lap("decode")
        film = polarity.as_film(picture.image, lambda each: lungs.segment(each, self.registry.segmenter))
        watch.lap("lungs")
        backbone = self.registry.backbone
        box = crop_box(film.lungs, backbone.recipe)
        features = backbone.network(preprocess(film.image, film.lungs, backbone.recipe)[None])[0]
        watch.lap("backbone")
        cautions = self.registry.screen.examine(features) + of_picture(film)
        heads = [self.registry.model(name) for name in dict.fromkeys(names)]
        predictions = tuple(predict(head, features, box, film.lungs) for head in heads)
        levels = picture.deep.turned() if picture.deep and film.inverted else picture.deep
        watch.lap("heads")
        return Analysis(film.image, film.lungs, box, predictions, cautions, picture.shape, levels, watch.seconds)


def in_words(label: str) -> str:
    """Return a class label as people write it."""
    return "COVID-19" if label == "covid" else label


def of_picture(film: Film) -> tuple[Caution, ...]:
    """Return the cautions that the picture itself gives."""
    edge = np.concatenate([film.lungs[0], film.lungs[-1], film.lungs[:, 0], film.lungs[:, -1]])
    found = {
        Caution.INVERTED: film.inverted,
        Caution.TIGHT_CROP: bool(edge.mean() > TIGHT),
        Caution.LOW_RESOLUTION: min(film.image.shape) < SMALL,
        Caution.MARKS: markers.over_lungs(film.image, film.lungs),
    }
    return tuple(caution for caution, holds in found.items() if holds)


def predict(head: Head | ClassesHead, features: Features, box: Box, lungs: LungMask) -> Prediction:
    """Judge a radiograph by one head.

    Args:
        head: the model.
        features: float32, shape (height, width, channels), what the backbone made of the box.
        box: the part of the picture that the network saw.
        lungs: bool, of the picture's shape, True inside the lungs.
    """
    if isinstance(head, ClassesHead):
        return _predict_classes(head, features, box, lungs)
    facts = head.facts
    score = round(head.score(features), 4)
    judged = verdict(score, facts.band)
    index = head.positive_index if judged is not Verdict.NEGATIVE else 1 - head.positive_index
    cam = grad_cam(features, head.weights, index)
    share = lung_share(lungs, box, cam.shape)
    return Prediction(
        model=facts.name,
        title=facts.title,
        version=facts.version,
        verdict=judged,
        score=score,
        threshold=facts.threshold,
        band=facts.band,
        positive=facts.positive,
        negative=head.negative,
        explained=facts.classes[index],
        heat_in_lungs=heat_in_lungs(cam, share),
        even_heat=float(share.mean()),
        cam=cam,
        box=box,
        shape=(lungs.shape[0], lungs.shape[1]),
    )


def _predict_classes(head: ClassesHead, features: Features, box: Box, lungs: LungMask) -> Prediction:
    """Judge a radiograph by a head of several classes; the heat is that of the class it leans to most."""
    facts = head.facts
    classes = head.judge(features)
    own = next(each for each in classes if each.label == facts.positive)
    called = [each for each in classes if each.verdict is Verdict.POSITIVE] or classes
    index = classes.index(max(called, key=lambda each: each.score))
    cam = grad_cam(features, head.weights, index, alone=not facts.exclusive)
    share = lung_share(lungs, box, cam.shape)
    return Prediction(
        model=facts.name,
        title=facts.title,
        version=facts.version,
        verdict=own.verdict,
        score=own.score,
        threshold=own.threshold,
        band=own.band,
        positive=facts.positive,
        negative=OTHERS,
        explained=facts.classes[index],
        heat_in_lungs=heat_in_lungs(cam, share),
        even_heat=float(share.mean()),
        cam=cam,
        box=box,
        shape=(lungs.shape[0], lungs.shape[1]),
        kind=facts.kind,
        classes=classes,
    )


def _reading_of_classes(said: Prediction) -> str:
    """Say what the scores of several classes mean."""
    if said.kind == "multilabel":
        found = {each: [in_words(row.label) for row in said.classes if row.verdict is each] for each in Verdict}
        none = "none of its labels"
        own = f"Verdict for {in_words(said.positive)}."
        sure = f"{own} Found: {', '.join(found[Verdict.POSITIVE]) or none}."
        open_ = ", ".join(found[Verdict.INCONCLUSIVE])
        return f"{sure} Too close to call: {open_}." if open_ else sure
    plausible = [in_words(row.label) for row in said.classes if row.score >= row.threshold]
    if said.called:
        return f"Of its classes only {in_words(said.called)} is plausible."
    return f"Too close to call: plausible are {' and '.join(plausible)}." if plausible else (
        "Too close to call: none of its classes is plausible."
    )  # fmt: skip


def _arithmetic_of_class(said: Prediction, row: ClassScore) -> str:
    """Say one class's score beside what it was judged by."""
    start = f"{in_words(row.label)} {row.score_text}"
    if said.kind == "multiclass":
        return f"{start} (plausible from {_decimals(row.threshold)})"
    return f"{start} (inconclusive from {_decimals(row.band.low)} to below {_decimals(row.band.high)})"


def _decimals(value: float) -> str:
    """Two decimals, or as many as the value has, up to four."""
    return f"{value:.2f}" if round(value, 4) == round(value, 2) else f"{value:.4f}"
