"""The scores of several classes as bars, on the annotated copy."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xray.annotate.lettering import BOLD, Colour, Sheet
from xray.networks.heads import LabelScore, Verdict
from xray.prediction import Prediction, in_words

TOP, BOTTOM = 24, 112  # of all bars, in units of the design


@dataclass(frozen=True)
class Inks:
    """The colours of the bars: letters, what is not plausible, the empty part, and the rest by verdict."""

    text: Colour
    quiet: Colour
    empty: Colour
    verdicts: Mapping[Verdict, Colour]


def draw(sheet: Sheet, prediction: Prediction, left: int, right: int, inks: Inks) -> None:
    """Draw a bar for each class, from 0 to 1, with a tick at its threshold."""
    classes = prediction.listed
    names = [in_words(each.label) for each in classes]
    pitch = (BOTTOM - TOP) / len(classes)
    size = min(18.0, 0.62 * pitch)
    start = left + max(sheet.measure(name, size) for name in names) + sheet.px(12)
    end = right - sheet.measure("0.0000", size, BOLD) - sheet.px(12)
    for number, (name, each) in enumerate(zip(names, classes, strict=True)):
        top, bottom = sheet.px(TOP + number * pitch + 0.2 * pitch), sheet.px(TOP + number * pitch + 0.8 * pitch)
        baseline = sheet.px(TOP + number * pitch + 0.5 * pitch + 0.36 * size)
        sheet.write(name, left, baseline, size, inks.text)
        sheet.picture[top:bottom, start:end] = inks.empty
        filled = start + round(each.score * (end - start))
        sheet.picture[top:bottom, start:filled] = np.array(_ink(prediction, each, inks), np.uint8)
        edge = start + round(each.threshold * (end - start))
        sheet.picture[top - sheet.px(3) : bottom + sheet.px(3), edge - 1 : edge + 1] = inks.text
        sheet.write(each.score_text, end + sheet.px(12), baseline, size, inks.text, BOLD)


def _ink(prediction: Prediction, each: LabelScore, inks: Inks) -> Colour:
    """Return the colour of each label's verdict; of labels that exclude each other, the model's for the plausible."""
    if not prediction.exclusive:
        return inks.verdicts[each.verdict]
    return inks.verdicts[prediction.verdict] if each.plausible else inks.quiet
