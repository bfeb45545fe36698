"""The sentences of a report, in the visitor's language, as plain text."""

from collections.abc import Mapping

from flask import get_template_attribute

from web.analyses.records import ModelResult
from web.i18n import NONE, decimals, percent
from web.translation import gettext as _
from xray.networks.heads import Judgement
from xray.opacity import Measures


def words(macro: str, *values: object) -> str:
    """Return the text of a macro in templates/_words.html."""
    return str(get_template_attribute("_words.html", macro)(*values).striptags())


def title() -> str:
    """Return the title of a report."""
    return str(_("Chest X-ray reading"))


def disclaimer() -> str:
    """Return the disclaimer."""
    return str(_("For education and research only, not for diagnosis."))


def arithmetic(result: Judgement) -> str:
    """Return how the score of a model with operating points was judged."""
    if not result.exclusive:
        return str(_("Each finding is judged by itself; several may be there at once."))
    if result.listed:
        return str(_("The scores add up to 1; from its line up a class is plausible. Where one alone is, it decides."))
    values = {
        "score": decimals(result.score_text),
        "name": words("positive_side", result),
        "high": decimals(result.positive_from),
        "low": decimals(result.negative_below),
    }
    if result.negative_below < result.positive_from:
        return str(
            _(
                "The score is %(score)s for %(name)s. From %(high)s up this model says positive, below %(low)s "
                "negative; between the two it does not decide.",
                **values,
            )
        )
    sentence = _(
        "The score is %(score)s for %(name)s. From %(high)s up this model says positive, below negative.", **values
    )
    return str(sentence)


def heat(result: ModelResult) -> str:
    """Return the caption of the heat map."""
    name = words("class_name", result.explained, result)
    if result.heat_in_lungs is None:
        return str(_("No part of the picture was evidence for %(name)s.", name=name))
    return str(_("Where it saw evidence for %(name)s: the brighter, the more.", name=name))


def heat_in_lungs(result: ModelResult) -> str:
    """Return how much of the heat lies in the lungs; empty where there is no heat."""
    if result.heat_in_lungs is None:
        return ""
    share = percent(result.heat_in_lungs)
    if not result.heat_beside_lungs:
        return str(_("%(share)s of the heat lies inside the lungs.", share=share))
    return str(
        _(
            "%(share)s of the heat lies inside the lungs, less than if it were spread evenly: a reason for doubt.",
            share=share,
        )
    )


def opacity(measures: Measures) -> str:
    """Return in one line what was measured on the opacity map."""
    sides = measures.opacity_right_percent, measures.opacity_left_percent
    right, left = (NONE if each is None else percent(each / 100, 1) for each in sides)
    patterns = measures.bilateral, measures.peripheral, measures.lower
    bilateral, peripheral, lower = (NONE if each is None else percent(each) for each in patterns)
    return str(
        _(
            "Marked as opaque: right lung %(right)s, left lung %(left)s. Extent score %(extent)s. "
            "Bilateral %(bilateral)s, peripheral %(peripheral)s, lower %(lower)s.",
            right=right,
            left=left,
            extent=words("extent_words", measures),
            bilateral=bilateral,
            peripheral=peripheral,
            lower=lower,
        )
    )


def remarks(results: Mapping[str, ModelResult]) -> list[str]:
    """Return the remarks on how to read the report."""
    found = [_("A score is not a probability: it tells how strongly a model leans to one of its two answers.")]
    for model, result in results.items():
        values = {"positive": words("positive_side", result), "negative": words("class_name", result.negative, result)}
        only = _("%(model)s knows only two answers: %(positive)s and %(negative)s.", model=model, **values)
        if result.listed:
            names = ", ".join(words("class_name", each.label, result) for each in result.listed)
            only = _("%(model)s knows these answers and no other: %(names)s.", model=model, names=names)
        pressed = _("It gives any other finding one of these answers.")
        if not result.exclusive:
            pressed = _("It looks for no other finding.")
        found.append(" ".join(part for part in (only, words("taught", result.model), pressed) if part))
    return [*found, _("A heat map shows where, not why. Heat outside the lungs is a reason for doubt.")]
