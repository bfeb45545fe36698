"""The words of labels and of findings, in the visitor's language; see `xray.finding`."""

from collections.abc import Mapping, Sequence

from flask import Flask

from web.i18n import verdict, whole
from web.translation import gettext as _
from xray import finding
from xray.combined import combine
from xray.errors import Phrase
from xray.finding import Finding, finding_of, found_by
from xray.networks.heads import Judgement
from xray.networks.metadata import OTHERS, HeadFacts

CLASSES: Mapping[str, Phrase] = {
    "covid": Phrase("COVID-19"),
    "normal": Phrase("normal"),
    "pneumonia": Phrase("other pneumonia"),
    "bacterial": Phrase("bacterial pneumonia"),
    "viral": Phrase("viral pneumonia"),
    "abnormal": Phrase("abnormal"),
    "atypical": Phrase("another disease"),
    "indeterminate": Phrase("may be COVID-19"),
    OTHERS: Phrase("anything else"),
}


def init_app(app: Flask) -> None:
    """Let templates use these words as filters."""
    words = class_name, finding_words, finding_name, of_100, headline, small_verdict, note
    for function in (*words, finding.positive_side, finding.tone):
        app.add_template_filter(function)


def class_name(label: str, said_by: Judgement | HeadFacts | None = None) -> str:
    """Name a class.

    Args:
        label: of a head.
        said_by: the head, or what it says of a radiograph; a user's own labels stay as they are written.
    """
    if said_by and said_by.is_own and label in _labels(said_by):
        return label
    return _(CLASSES[label]) if label in CLASSES else label


def _labels(said_by: Judgement | HeadFacts) -> Sequence[str]:
    return said_by.labels if isinstance(said_by, HeadFacts) else [each.label for each in said_by.labels]


def finding_words(found: str, said_by: Judgement | HeadFacts | None = None) -> str:
    """Return a finding as a page's verdict in words, such as "Looks normal".

    Args:
        found: a Finding, or the label of a head.
        said_by: as `class_name`.
    """
    if said_by and said_by.is_own and found in _labels(said_by):
        return str(_(finding.LOOKS_LIKE, name=found))
    if found == OTHERS:
        return str(_("Not found"))
    words = finding.WORDS.get(found)
    return str(_(words) if words else _(finding.LOOKS_LIKE, name=class_name(found)))


def finding_name(found: str, said_by: Judgement | HeadFacts | None = None) -> str:
    """Return a finding as a noun or an adjective, for lists: "COVID-19", "other pneumonia", "normal".

    Args:
        found: a Finding, or the label of a head.
        said_by: as `class_name`.
    """
    if said_by and said_by.is_own and found in _labels(said_by):
        return found
    labels: dict[str, str] = {Finding.COVID_19: "covid", Finding.OTHER_PNEUMONIA: "pneumonia"}
    return str(_("undecided")) if found == Finding.UNDECIDED else class_name(labels.get(found, found))


def of_100(share: float) -> str:
    """Return a share in [0, 1] as so many of 100, whole; "<1" where some, but not half of one."""
    return "<1" if 0 < share <= 0.005 else whole(100 * share)


def headline(judged: Sequence[Judgement]) -> str:
    """Return what was found as the large words of a page; a model of several findings lists them.

    Args:
        judged: the results of an analysis, or one of them.
    """
    if not judged[0].decides:
        return str(_("No verdict"))
    found = finding_of(judged)
    if found == Finding.UNDECIDED and finding.is_abnormal(judged):
        return str(_("Abnormal, kind undecided"))
    if found:
        return finding_words(found, judged[0])
    names = ", ".join(finding_name(each, judged[0]) for each in found_by(judged))
    return str(_(finding.FOUND, names=names) if names else _(finding.NOTHING))


def small_verdict(judged: Sequence[Judgement]) -> str:
    """Return the verdict as it stands beside the headline, such as "NEGATIVE for COVID-19"; empty where there is none.

    That of model 1 is the word alone: its POSITIVE may be another pneumonia.

    Args:
        judged: as `headline`.
    """
    if not judged[0].decides:
        return ""
    both = combine(judged)
    word = verdict(both.verdict if both else judged[0].verdict)
    if not both and finding.positive_side(judged[0]) == Finding.ABNORMAL:
        return word
    return str(_("%(verdict)s for %(name)s", verdict=word, name=class_name(judged[0].positive, judged[0])))


def note(judged: Sequence[Judgement]) -> str:
    """Return what must be read beside the headline; empty where it says all.

    Args:
        judged: as `headline`.
    """
    words = finding.note(judged)
    return str(_(words)) if words else ""
