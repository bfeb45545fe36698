"""The words of an annotated copy: drawn as they are handed in, whatever their language."""

from collections.abc import Callable
from dataclasses import dataclass

from xray.analysis import Analysis
from xray.annotate.lettering import printable
from xray.finding import Finding, note, positive_side
from xray.prediction import Prediction
from xray.quality.cautions import Caution, words

DISCLAIMER = "Research and education only, not a diagnosis"


@dataclass(frozen=True, kw_only=True)
class Words:
    """All that is written on an annotated copy.

    Attributes:
        radiograph: above the radiograph.
        heat: above the heat map.
        outline: beside the colour of the lung outline.
        weaker, stronger: at the ends of the heat's colours.
        box: beside the frame of what the network saw.
        headline: what was found, in large letters.
        verdict: in small letters below it; empty where the model decides nothing.
        score: the number on the scale.
        low, high: the ends of the scale.
        labels: name and score of each label that has a bar; none where there is a scale.
        reading: what the finding means, then the scores and their edges.
        cautions: one sentence each.
        file: names the file.
        disclaimer: at the end.
    """

    radiograph: str
    heat: str
    outline: str
    weaker: str
    stronger: str
    box: str
    headline: str
    verdict: str
    score: str
    low: str
    high: str
    labels: tuple[tuple[str, str], ...]
    reading: tuple[str, ...]
    cautions: tuple[str, ...]
    file: str
    disclaimer: str


# From an analysis, one of its predictions and the name of its file.
Wording = Callable[[Analysis, Prediction, str], Words]


def english(analysis: Analysis, prediction: Prediction, file_name: str) -> Words:
    """Return the English words of a copy.

    Args:
        analysis: the radiograph and its cautions.
        prediction: one of its predictions.
        file_name: as the sender named it, in any script and of any length.
    """
    side = positive_side(prediction)
    explained = side if prediction.explained == prediction.positive else prediction.explained
    verdict = str(prediction.verdict)
    if side != Finding.ABNORMAL:
        verdict += f" for {prediction.in_words(side)}"
    evidence = "Evidence" if prediction.cam.any() else "No evidence found"
    return Words(
        radiograph="Radiograph (came as a negative)" if analysis.inverted else "Radiograph",
        heat=f"{evidence} for {prediction.in_words(explained)}",
        outline="outline of the lungs, as found",
        weaker="weaker",
        stronger="stronger",
        box="seen by the network",
        headline=prediction.headline,
        verdict=verdict if prediction.decides else "",
        score=prediction.score_text,
        low=f"0 · {prediction.in_words(prediction.negative)}",
        high=f"{prediction.in_words(side)} · 1",
        labels=tuple((prediction.in_words(each.label), each.score_text) for each in prediction.listed),
        reading=(
            note([prediction]) or prediction.reading,
            f"{prediction.title}, version {prediction.version}. {prediction.arithmetic}.",
        ),
        cautions=tuple(f"Caution: {words(each, own=prediction.is_own)}" for each in to_write(analysis)),
        # The word before it keeps a right-to-left name at the left of its line.
        file=f"File: {printable(file_name)}",
        disclaimer=DISCLAIMER,
    )


def to_write(analysis: Analysis) -> tuple[Caution, ...]:
    """Return the cautions that a copy names: burnt-in text speaks for itself, and may be covered later."""
    return tuple(each for each in analysis.cautions if each is not Caution.TEXT)
