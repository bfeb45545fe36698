"""What one model says about one radiograph, in numbers and in words."""

from dataclasses import dataclass

from xray import finding
from xray.finding import Finding
from xray.networks.grad_cam import Cam, Heat, grad_cam, heat_in_lungs, lung_share, to_picture
from xray.networks.heads import Features, Head, Judgement, LabelScore, Verdict
from xray.networks.lungs import LungMask
from xray.networks.preprocess import Box


@dataclass(frozen=True, eq=False, kw_only=True)
class Prediction(Judgement):
    """What one model says about one radiograph.

    Attributes:
        title: its name, for people.
        version: of the model.
        explained: the label whose evidence the heat map shows.
        heat_in_lungs: share of the heat that lies in the lungs, in [0, 1]; None where there is no heat.
        even_heat: the share that evenly spread heat would have there.
        cam: float32, Grad-CAM on the backbone's grid, values 0 to 1.
        box: the part of the image that the network saw, in pixels.
        shape: height and width of the image.
    """

    title: str
    version: str
    explained: str
    heat_in_lungs: float | None
    even_heat: float
    cam: Cam
    box: Box
    shape: tuple[int, int]

    @property
    def heat(self) -> Heat:
        """Grad-CAM at the image's size: float32, values 0 to 1; made on demand, as it is large."""
        return to_picture(self.cam, self.box, self.shape)

    @property
    def headline(self) -> str:
        """What the model found, as it stands on the annotated copy."""
        if not self.decides:
            return "No verdict"
        if found := finding.finding_of([self]):
            words = None if self.is_own and found != finding.Finding.UNDECIDED else finding.WORDS.get(found)
            return str(words or finding.LOOKS_LIKE % {"name": self.in_words(found)})
        names = ", ".join(map(self.in_words, finding.found_by([self])))
        return finding.FOUND % {"names": names} if names else str(finding.NOTHING)

    @property
    def reading(self) -> str:
        """The verdict in words: which labels the radiograph resembles."""
        if not self.decides:
            return "No operating point was chosen: too few validation radiographs. Scores have no verdict."
        if not self.exclusive:
            doubtful = [self.in_words(each.label) for each in self.labels if each.verdict is Verdict.INCONCLUSIVE]
            said = "Each finding is judged by itself."
            return f"{said} Too close to call: {', '.join(doubtful)}." if doubtful else said
        if self.called:
            others = " and ".join(self.in_words(each.label) for each in self.labels if each.label != self.called)
            learned = f"Resembles the {self.in_words(self.called)} radiographs that the model learned from"
            return f"{learned} more than the {others} ones."
        plausible = sorted((each for each in self.labels if each.plausible), key=lambda each: each is not self.own)
        if not plausible:
            return "Too close to call: none of its classes is plausible."
        return f"Too close to call between {' and '.join(self.in_words(each.label) for each in plausible)}."

    @property
    def arithmetic(self) -> str:
        """The scores beside the edges that they were judged by, as far as any were chosen."""
        if self.listed:
            return "; ".join(self._arithmetic_of(each) for each in self.labels)
        said = f"Score {self.score_text} for {self.in_words(finding.positive_side(self))}"
        return f"{said}; {_edges(self.own)}" if self.decides else said

    def in_words(self, label: str) -> str:
        """Return one of its labels or findings as people write it; a user's own as it is written."""
        return label if self.is_own else in_words(label)

    def _arithmetic_of(self, each: LabelScore) -> str:
        said = f"{self.in_words(each.label)} {each.score_text}"
        if not each.decides:
            return said
        plausible = f"plausible from {_decimals(each.negative_below)}"
        return f"{said} ({plausible if self.exclusive else _edges(each)})"


def predict(head: Head, features: Features, box: Box, lungs: LungMask) -> Prediction:
    """Judge a radiograph by one head.

    Args:
        head: the model.
        features: float32, shape (height, width, channels), what the backbone made of the box.
        box: the part of the image that the network saw.
        lungs: bool, of the image's shape, True inside the lungs.

    Returns:
        The verdict with its heat map: for the label found, the highest-scoring one of several; where none was found,
        for the label that the score is for.
    """
    facts = head.facts
    judged = head.judge(features)
    found = [each for each in judged if each.verdict is Verdict.POSITIVE]
    explained = max(found, key=lambda each: each.score).label if found else facts.positive
    cam = grad_cam(features, head.kernel, facts.labels.index(explained), exclusive=facts.exclusive)
    share = lung_share(lungs, box, cam.shape)
    return Prediction(
        model=facts.name,
        title=facts.title,
        version=facts.version,
        positive=facts.positive,
        exclusive=facts.exclusive,
        labels=judged,
        is_own=facts.is_own,
        explained=explained,
        heat_in_lungs=heat_in_lungs(cam, share),
        even_heat=float(share.mean()),
        cam=cam,
        box=box,
        shape=(lungs.shape[0], lungs.shape[1]),
    )


def in_words(label: str, *, own: bool = False) -> str:
    """Return a label or a finding as people write it.

    Args:
        label: of a head, or a finding.
        own: whether it is a user's own word, which stays as it is written.
    """
    if own:
        return label
    words = {"covid": "COVID-19", Finding.COVID_19: "COVID-19", Finding.OTHER_PNEUMONIA: "other pneumonia"}
    return words.get(label, label)


def _edges(each: LabelScore) -> str:
    return f"negative below {_decimals(each.negative_below)}, positive from {_decimals(each.positive_from)}"


def _decimals(value: float) -> str:
    """Two decimals, or as many as the value has, up to four."""
    return f"{value:.2f}" if round(value, 4) == round(value, 2) else f"{value:.4f}"
