"""What a report says of an analysis, in the visitor's language, as plain text."""

from collections.abc import Mapping

from flask import get_template_attribute
from flask_babel import gettext as _

from web.analyses.record import Said
from web.formats import decimals, percent


def words(macro: str, *values: object) -> str:
    """Return what the pages say too: a macro of templates/_words.html."""
    return str(get_template_attribute("_words.html", macro)(*values).striptags())


def title() -> str:
    """Say what a report is."""
    return str(_("Chest X-ray reading"))


def disclaimer() -> str:
    """Say what no report is."""
    return str(_("For education and research only, not for diagnosis."))


def verdict_in_words(said: Said) -> str:
    """Say which films the picture resembles, or which classes are plausible."""
    if said.classes:
        return _classes_in_words(said)
    more, less = said.positive, said.negative
    if said.verdict == "INCONCLUSIVE":
        values = {"positive": words("class_name", more), "negative": words("class_name", less)}
        return str(_("Too close to call between %(positive)s and %(negative)s.", **values))
    if said.verdict == "NEGATIVE":
        more, less = less, more
    values = {"films": words("films", more), "others": words("the_others", less)}
    return str(_("Resembles the %(films)s this model learned from more than %(others)s.", **values))


def arithmetic(said: Said) -> str:
    """Say what the score was judged by."""
    if said.kind == "multilabel":
        return str(_("Each finding is judged by itself; several may be there at once."))
    if said.classes:
        return str(_("The scores add up to 1; from its line up a class is plausible. Where one alone is, it decides."))
    values = {
        "score": decimals(said.score_text),
        "name": words("class_name", said.positive),
        "high": decimals(said.high),
        "low": decimals(said.low),
    }
    if said.low < said.high:
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


def _classes_in_words(said: Said) -> str:
    """Say which of several classes are plausible, or which findings were found."""
    if said.kind == "multilabel":
        found = [words("class_name", each.label) for each in said.classes if each.verdict == "POSITIVE"]
        return (
            str(_("Found: %(names)s.", names=", ".join(found))) if found else str(_("None of its findings was found."))
        )
    if said.called:
        return str(_("Of its classes only %(name)s is plausible to this model.", name=words("class_name", said.called)))
    plausible = [words("class_name", each.label) for each in said.classes if each.plausible]
    if plausible:
        return str(_("Too close to call. Plausible are: %(names)s.", names=", ".join(plausible)))
    return str(_("Too close to call: none of its classes is plausible to this model."))


def heat(said: Said) -> str:
    """Say what the heat map shows."""
    name = words("class_name", said.explained)
    if said.heat_in_lungs is None:
        return str(_("No part of the picture spoke for %(name)s.", name=name))
    return str(_("Where it saw evidence for %(name)s: the brighter, the more.", name=name))


def heat_in_lungs(said: Said) -> str:
    """Say how much of the heat lies where lungs are; nothing where there is no heat."""
    if said.heat_in_lungs is None:
        return ""
    share = percent(said.heat_in_lungs)
    if not said.heat_beside_lungs:
        return str(_("%(share)s of the heat lies inside the lungs.", share=share))
    return str(
        _(
            "%(share)s of the heat lies inside the lungs, less than if it were spread evenly: a reason for doubt.",
            share=share,
        )
    )


def remarks(models: Mapping[str, Said]) -> list[str]:
    """Say how to read it.

    Args:
        models: what each said, by the name that people know it by.
    """
    found = [_("A score is not a probability: it tells how strongly a model leans to one of its two answers.")]
    for model, said in models.items():
        values = {"positive": words("class_name", said.positive), "negative": words("class_name", said.negative)}
        only = _("%(model)s knows only two answers: %(positive)s and %(negative)s.", model=model, **values)
        if said.classes:
            names = ", ".join(words("class_name", each.label) for each in said.classes)
            only = _("%(model)s knows these answers and no other: %(names)s.", model=model, names=names)
        pressed = _("Any other finding is pressed into one of them.")
        if said.kind == "multilabel":
            pressed = _("It looks for no other finding.")
        found.append(" ".join(part for part in (only, words("taught", said.model), pressed) if part))
    return [*found, _("A heat map shows where, not why. Heat outside the lungs is a reason for doubt.")]
