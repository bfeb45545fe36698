"""What another backbone gives up, target by target, beside the served one: `python -m training.evaluate.beside`.

Reads report.json of both audits and both screens, and prints a table in Markdown; `training.export backbone` puts it
on the card.
"""

import argparse
import json
from pathlib import Path

from training.config import RUNS
from training.evaluate import targets
from training.metrics.figures import Json
from training.report.markdown import table
from xray.errors import DatasetError
from xray.registry import BACKBONE, made_for

# Kinds of pictures of which most must be refused.
STRANGERS = ("ct", "brain_mri", "lateral")
HEAD = ("figure", "target", BACKBONE, "{name}", "inside the interval of {served}")
NO_INTERVAL = "–"


def rows(name: str) -> list[Json]:
    """Return one entry a figure: figure, target, whole and slim (in words), inside (None without an interval).

    Args:
        name: of the other backbone.

    Returns:
        None at all before both were audited.
    """
    reports = [_read(made_for(RUNS, each) / "audit" / "report.json") for each in (BACKBONE, name)]
    if not all(reports):
        return []
    if len({report["manifest_sha256"] for report in reports}) > 1:
        raise DatasetError(
            f"Expected audits of the same films. Received other manifests. Run `python -m training.evaluate.audit` and "
            f"`python -m training.evaluate.audit --backbone {name}`."
        )
    pairs = zip(*map(targets.reached, reports), strict=True)
    found = [
        {
            "figure": whole["figure"],
            "target": whole["target"],
            "whole": whole["reached"],
            "slim": slim["reached"],
            "inside": inside(whole, slim["value"]),
        }
        for whole, slim in pairs
    ]
    return found + _screened(name)


def inside(whole: Json, value: float) -> bool | None:
    """Tell whether a value lies in another figure's interval; None where that has none."""
    return whole["low"] <= value <= whole["high"] if whole["low"] is not None else None


def _screened(name: str) -> list[Json]:
    reports = [_read(made_for(RUNS, each) / "screen" / "report.json") for each in (BACKBONE, name)]
    if not all(reports):
        return []
    first, second = (report["figures"]["not_frontal"] for report in reports)
    parts = [("refused by the gate or the screen", f"{kind} refused by gate and screen", kind) for kind in STRANGERS]
    asked = "frontal test films refused"
    left_out = f"{asked}, their source left out of the training"
    parts += [(part, f"{part}: {source}", source) for part in (asked, left_out) for source in first[part]]
    return [
        {
            "figure": figure,
            "target": "at most 1 %" if part.startswith(asked) else f"at least {90 if kind == 'lateral' else 99} %",
            "whole": "{flagged} of {n}".format(**first[part][kind]),
            "slim": "{flagged} of {n}".format(**second[part][kind]),
            "inside": inside(first[part][kind], second[part][kind]["flagged"] / second[part][kind]["n"]),
        }
        for part, figure, kind in parts
    ]


def _read(path: Path) -> Json:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def markdown(found: list[Json], name: str) -> str:
    """Return the table."""
    said = {True: "yes", False: "**no**", None: NO_INTERVAL}
    head = [each.format(name=name, served=BACKBONE) for each in HEAD]
    cells = [[row["figure"], row["target"], row["whole"], row["slim"], said[row["inside"]]] for row in found]
    return table(head, cells)


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="vgg16_slim", help="the other network of model/")
    args = parser.parse_args()
    print(markdown(rows(args.backbone), args.backbone))


if __name__ == "__main__":
    main()
