"""Analyses store the score and verdict of each label, in one form for all models.

Before, a row held `kind` with `low` and `high`, and `classes` for a model of several labels. Now it holds `exclusive`
and `labels`, each label with `negative_below` and `positive_from`.
"""

import json
import math
from typing import Any

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"
branch_labels = depends_on = None

ROWS_AT_ONCE = 200
STEPS = 10_000  # scores have 4 decimals
OPPOSITE = {"POSITIVE": "NEGATIVE", "NEGATIVE": "POSITIVE", "INCONCLUSIVE": "INCONCLUSIVE"}
UNCHANGED = ("model", "version", "positive", "explained", "heat_in_lungs", "even_heat", "copy")

Fields = dict[str, Any]


def upgrade() -> None:
    """Convert the content of every row; one that is damaged stays as it is."""
    rows = sa.table("analyses", sa.column("id", sa.String), sa.column("content", sa.Text))
    connection, last = op.get_bind(), ""
    while True:
        some = sa.select(rows.c.id, rows.c.content).where(rows.c.id > last).order_by(rows.c.id).limit(ROWS_AT_ONCE)
        found = connection.execute(some).all()
        for id, content in found:
            if (new := converted(content)) is not None:
                connection.execute(sa.update(rows).where(rows.c.id == id).values(content=new))
        if len(found) < ROWS_AT_ONCE:
            return
        last = found[-1].id


def downgrade() -> None:
    """Refuse: the earlier form cannot be restored."""
    raise NotImplementedError("Expected a backup from before version 0002. Analyses cannot be converted back.")


def converted(content: str) -> str | None:
    """Return a row's content in the new form; None where it is damaged, or is in that form already."""
    try:
        record = json.loads(content)
        results = [_result(each) for each in record.pop("said")]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return json.dumps(record | {"results": results})


def _result(said: Fields) -> Fields:
    kind = said.get("kind", "head")
    labels = [_label(each, exclusive=kind == "multiclass") for each in said.get("classes", ())]
    shared = {name: said[name] for name in UNCHANGED}
    return shared | {"exclusive": kind != "multilabel", "labels": labels or _pair(said)}


def _label(said: Fields, *, exclusive: bool) -> Fields:
    """Return one label of several; of labels that exclude each other, one was plausible from its threshold up."""
    return {
        "label": said["label"],
        "score": said["score"],
        "threshold": said["threshold"],
        "negative_below": said["threshold"] if exclusive else said["low"],
        "positive_from": said["high"],
        "verdict": said["verdict"],
    }


def _pair(said: Fields) -> list[Fields]:
    """Return both labels of a pair: the second has what the first leaves of 1."""
    own = _label(said | {"label": said["positive"]}, exclusive=False)
    edges = {"threshold": "threshold", "negative_below": "positive_from", "positive_from": "negative_below"}
    other: Fields = {edge: _just_above_rest(own[mirrored]) for edge, mirrored in edges.items()}
    other |= {"label": said["negative"], "score": round(1 - own["score"], 4), "verdict": OPPOSITE[said["verdict"]]}
    return [own, other]


def _just_above_rest(edge: float) -> float:
    """Return the least score above one minus an edge, so that both labels of a pair get opposite verdicts."""
    return min(STEPS + 1 - math.ceil(round(edge * STEPS, 6)), STEPS) / STEPS
