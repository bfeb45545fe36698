"""The words of labels and of findings, in the visitor's language; see `xray.finding`."""

from collections.abc import Sequence

from flask import Flask
from flask_babel import gettext as _

from web.i18n import verdict, whole
from xray.combined import combine
from xray.finding import Finding, finding_of, found_by
from xray.networks.heads import Judgement, Verdict
from xray.networks.metadata import OTHERS
from xray.registry import PROMISED


def init_app(app: Flask) -> None:
    """Let templates use these words as filters."""
    for words in (class_name, finding_words, finding_name, of_100, headline, tone, small_verdict, note):
        app.add_template_filter(words)


def class_name(label: str) -> str:
    """Name a class."""
    words: dict[str, str] = {
        "covid": _("COVID-19"),
        "normal": _("normal"),
        "pneumonia": _("other pneumonia"),
        "bacterial": _("bacterial pneumonia"),
        "viral": _("viral pneumonia"),
        "abnormal": _("abnormal"),
        "atypical": _("another disease"),
        "indeterminate": _("may be COVID-19"),
        OTHERS: _("anything else"),
    }
    return words.get(label, label)


def finding_words(finding: str) -> str:
    """Return a finding as a page's verdict in words, such as "Looks normal".

    Args:
        finding: a Finding, or the label of a head.
    """
    words: dict[str, str] = {
        Finding.NORMAL: _("Looks normal"),
        Finding.COVID_19: _("Looks like COVID-19"),
        Finding.OTHER_PNEUMONIA: _("Looks like another pneumonia"),
        Finding.ABNORMAL: _("Abnormal"),
        Finding.UNDECIDED: _("Undecided"),
        OTHERS: _("Not found"),
    }
    return words.get(finding) or str(_("Looks like: %(name)s", name=class_name(finding)))


def finding_name(finding: str) -> str:
    """Return a finding as a noun or an adjective, for lists: "COVID-19", "other pneumonia", "normal".

    Args:
        finding: a Finding, or the label of a head.
    """
    labels: dict[str, str] = {Finding.COVID_19: "covid", Finding.OTHER_PNEUMONIA: "pneumonia"}
    return str(_("undecided")) if finding == Finding.UNDECIDED else class_name(labels.get(finding, finding))


def of_100(share: float) -> str:
    """Return a share in [0, 1] as so many of 100, whole; "<1" where some, but not half of one."""
    return "<1" if 0 < share <= 0.005 else whole(100 * share)


def headline(judged: Sequence[Judgement]) -> str:
    """Return what was found as the large words of a page; a model of several findings lists them.

    Args:
        judged: the results of an analysis, or one of them.
    """
    finding = finding_of(judged)
    if finding:
        return finding_words(finding)
    found = ", ".join(map(finding_name, found_by(judged)))
    return str(_("Found: %(names)s", names=found)) if found else str(_("Nothing found"))


def tone(judged: Sequence[Judgement]) -> Verdict:
    """Return the verdict whose colour and sign suit what was found: those of POSITIVE wherever the lungs look ill.

    Args:
        judged: as `headline`.
    """
    tones = {
        Finding.NORMAL: Verdict.NEGATIVE,
        Finding.COVID_19: Verdict.POSITIVE,
        Finding.OTHER_PNEUMONIA: Verdict.POSITIVE,
        Finding.ABNORMAL: Verdict.POSITIVE,
        Finding.UNDECIDED: Verdict.INCONCLUSIVE,
    }
    finding = finding_of(judged)
    return next((tone for named, tone in tones.items() if named == finding), judged[0].verdict)


def small_verdict(judged: Sequence[Judgement]) -> str:
    """Return the verdict as it stands beside the headline, such as "NEGATIVE for COVID-19".

    Args:
        judged: as `headline`.
    """
    both = combine(judged)
    word = verdict(both.verdict if both else judged[0].verdict)
    return str(_("%(verdict)s for %(name)s", verdict=word, name=class_name(judged[0].positive)))


def note(judged: Sequence[Judgement]) -> str:
    """Return what must be read beside the headline; empty where it says all.

    Args:
        judged: as `headline`.
    """
    by_model = {each.model: each for each in judged}
    first, second = (by_model.get(name) for name in PROMISED)
    if first and second:
        return _of_both(first.verdict, second.verdict)
    finding = finding_of(judged)
    if finding == Finding.ABNORMAL:
        return str(_("COVID-19 or another pneumonia. Ask both models to tell which."))
    if judged[0].model == PROMISED[1]:
        return str(_("This model cannot tell healthy lungs from ill ones. Ask both models."))
    return ""


def _of_both(first: Verdict, second: Verdict) -> str:
    """Say which of models 1 and 2 decided."""
    if first is Verdict.NEGATIVE:
        return str(_("Model 1 finds it normal. Model 2 has no say then."))
    if first is Verdict.INCONCLUSIVE:
        return str(_("Model 1 does not decide whether it is normal."))
    if second is Verdict.INCONCLUSIVE:
        return str(_("Model 1 finds it abnormal. Model 2 does not decide which pneumonia it is."))
    return str(_("Model 1 finds it abnormal, and model 2 tells which pneumonia it resembles."))
