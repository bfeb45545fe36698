"""The words of the field that pages explain, in the visitor's language."""

from typing import NamedTuple

from web.translation import gettext as _
from xray.networks.metadata import HeadFacts


class Term(NamedTuple):
    """A word and what it means."""

    name: str
    meaning: str


def glossary(facts: HeadFacts | None = None) -> dict[str, Term]:
    """Return the terms by key, in the order in which they build on each other.

    Args:
        facts: of the head whose page it is; of a user's own the terms that its page uses, in words true of it.
    """
    found = _published()
    if facts is None or not facts.is_own:
        return found
    unused = {"prevalence", "predictive", "calibration"} | ({"threshold", "validation"} if not facts.decides else set())
    if not facts.metrics.get("left_out"):
        unused.add("left_out")
    return {key: term for key, term in (found | _own()).items() if key not in unused}


def _own() -> dict[str, Term]:
    return {
        "score": Term(
            _("score"),
            _(
                "The number from 0 to 1 that a model gives a radiograph for a label. The higher, the more it looks "
                "like it."
            ),
        ),
        "sensitivity": Term(
            _("sensitivity"), _("Of 100 radiographs with the label, how many the model finds. The others are missed.")
        ),
        "specificity": Term(
            _("specificity"),
            _("Of 100 radiographs without the label, how many the model clears. The others are false alarms."),
        ),
        "auc": Term(
            _("ROC AUC"),
            _(
                "Take one radiograph with the label and one without: how often the first has the higher score. 1 is "
                "always, 0.5 is a coin."
            ),
        ),
    }


def _published() -> dict[str, Term]:
    return {
        "score": Term(
            _("score"),
            _("The number from 0 to 1 that a model gives a radiograph. The higher, the more it looks ill."),
        ),
        "threshold": Term(_("threshold"), _("The score from which a radiograph is called positive. People choose it.")),
        "sensitivity": Term(
            _("sensitivity"), _("Of 100 radiographs with the disease, how many the model finds. The others are missed.")
        ),
        "specificity": Term(
            _("specificity"),
            _("Of 100 radiographs without the disease, how many the model clears. The others are false alarms."),
        ),
        "prevalence": Term(
            _("prevalence"),
            _("Of 100 people who are X-rayed, how many have the disease. It differs from place to place."),
        ),
        "predictive": Term(
            _("predictive value"),
            _("Of 100 positive answers, how many are right. It falls when the disease is rare, with the same model."),
        ),
        "auc": Term(
            _("ROC AUC"),
            _(
                "Take one radiograph with the disease and one without: how often the first has the higher score. 1 is "
                "always, 0.5 is a coin."
            ),
        ),
        "calibration": Term(
            _("calibration"),
            _("Whether a score is a probability: of 100 radiographs with the score 0.8, do 80 have the disease?"),
        ),
        "interval": Term(
            _("interval (95 %)"),
            _("Measured again on other patients, the figure would mostly lie in this range. Few patients, wide range."),
        ),
        "validation": Term(
            _("validation"),
            _("Radiographs that the model did not learn from. The threshold is chosen on them."),
        ),
        "test": Term(
            _("test"),
            _("Radiographs of still other patients. They are scored at the end, to see how good the model is."),
        ),
        "left_out": Term(
            _("source left out"),
            _("The model learned nothing of this source and was tested there: as in a hospital that it never saw."),
        ),
        "feature": Term(
            _("feature"), _("How strongly one pattern is found in the radiograph. The network learned 512 of them.")
        ),
        "heat": Term(
            _("heat map"), _("Where the features that speak for the answer are strong. It shows where, not why.")
        ),
        "shortcut": Term(
            _("shortcut"),
            _("A sign that goes with the disease in the training radiographs only, such as the letters of a hospital."),
        ),
    }
