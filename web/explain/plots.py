"""What the page "How it works" draws of a lesson's numbers."""

from flask_babel import gettext as _
from markupsafe import Markup

from web.explain.lesson import Lesson
from web.render import charts
from web.render.charts import Words


def pooled(lesson: Lesson) -> Markup:
    """Draw how strong every feature is on this film; the strongest shares of the answer stand out."""
    title = _("The features as bars")
    desc = _(
        "%(count)s bars, one for each feature, as high as the feature is strong on this film. The broad ones speak "
        "most for or against the answer.",
        count=len(lesson.pooled),
    )
    marked = [share.channel for share in lesson.strongest]
    return charts.bars(Words("pooled", title, desc), [float(value) for value in lesson.pooled], marked)


def sum_of(lesson: Lesson) -> Markup:
    """Draw what the features add up to."""
    title = _("What adds up to the logit")
    rows = [(_("feature %(number)s", number=share.channel), share.product) for share in lesson.strongest]
    rows.append((_("all other features"), lesson.others))
    rows.append((_("the head’s own bias"), lesson.bias))
    desc = "; ".join(f"{name}: {charts.signed(value)}" for name, value in rows)
    return charts.balance(Words("sum", title, desc), rows)
