"""The words of the annotated copy, in the visitor's language."""

from flask import current_app

from web.forms import LABELS
from web.i18n import decimals
from web.render import reading
from web.render.findings import class_name, headline, note, small_verdict
from web.translation import ENGLISH, language, speaking
from web.translation import gettext as _
from xray.analysis import Analysis
from xray.annotate.lettering import printable
from xray.annotate.words import Wording, Words, english, to_write
from xray.prediction import Prediction


def wording() -> Wording:
    """Return what writes the words of copies in the language of the current request, from any thread."""
    spoken = language()
    if spoken == ENGLISH:
        return english
    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def translated(analysis: Analysis, prediction: Prediction, file_name: str) -> Words:
        # Copies are drawn outside the request.
        with app.app_context(), speaking(spoken):
            return _words(analysis, prediction, file_name)

    return translated


def _words(analysis: Analysis, prediction: Prediction, file_name: str) -> Words:
    """Return the words in the current language; arguments as for `xray.annotate.words.english`."""
    side = reading.words("positive_side", prediction)
    explained = side if prediction.explained == prediction.positive else class_name(prediction.explained, prediction)
    evidence = _("Evidence for: %(name)s") if prediction.cam.any() else _("No evidence found for: %(name)s")
    title = _(LABELS.get(prediction.model, prediction.title))
    # Findings that are judged each by itself have no sentence of their own.
    said = note([prediction]) or (reading.words("sentence", prediction) if prediction.exclusive else "")
    version = _("%(model)s, version %(version)s", model=title, version=prediction.version)
    judged = reading.arithmetic(prediction) if prediction.decides else ""
    return Words(
        radiograph=_("Radiograph (came as a negative)") if analysis.inverted else _("Radiograph"),
        heat=evidence % {"name": explained},
        outline=_("outline of the lungs, as found"),
        weaker=_("weaker"),
        stronger=_("stronger"),
        box=_("seen by the network"),
        headline=headline([prediction]),
        verdict=small_verdict([prediction]),
        score=decimals(prediction.score_text),
        low=f"0 · {class_name(prediction.negative, prediction)}",
        high=f"{side} · 1",
        labels=tuple((class_name(each.label, prediction), decimals(each.score_text)) for each in prediction.listed),
        reading=tuple(filter(None, (said, version, judged))),
        cautions=tuple(
            _("Caution: %(words)s", words=reading.words("caution_words", each, prediction.is_own))
            for each in to_write(analysis)
        ),
        file=_("File: %(name)s", name=printable(file_name)),
        disclaimer=reading.disclaimer(),
    )
