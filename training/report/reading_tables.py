"""Tables of the audit: findings by source, scores of radiologists' readings, and of repeated radiographs."""

from collections.abc import Mapping, Sequence

from training.metrics.figures import Json
from training.report.render import Table
from xray.combined import NAME
from xray.prediction import in_words


def findings_by_source(answers: Sequence[Json]) -> Table:
    """List what both models together found on the test radiographs of each kind and source.

    Args:
        answers: of an audit: rows of shown, source, n and got.
    """
    found = sorted({finding for row in answers for finding in row["got"][NAME]})
    rows = [
        [in_words(row["shown"]), row["source"], row["n"], *(row["got"][NAME].get(finding, 0) for finding in found)]
        for row in answers
    ]
    return Table("By source, in test radiographs", ["showing", "source", "n", *map(in_words, found)], rows)


def scores_by_reading(readings: Sequence[Json], titles: Mapping[str, str]) -> Table:
    """List the median score of each head for each reading.

    Args:
        readings: of an audit; see `training.evaluate.readings`.
        titles: of the heads, by name.
    """
    rows = [
        [in_words(row["label"]), row["source"], row["n"], *(f"{row['median'][name]:.2f}" for name in titles)]
        for row in readings
    ]
    return Table("Median score of test radiographs by reading", ["reading", "source", "n", *titles.values()], rows)


def repeated(found: Json, titles: Mapping[str, str]) -> Table:
    """List how far the scores of radiographs of one study differ.

    Args:
        found: as `scores_by_reading`.
        titles: of the heads, by name.
    """
    spread = found.get("difference", {})
    rows = [[titles[name], f"{each['median']:.2f}", f"{each['p90']:.2f}"] for name, each in spread.items()]
    caption = f"Differences of scores in {found.get('studies', 0)} test studies with several radiographs of one label"
    return Table(caption, ["model", "median", "nine of ten at most"], rows)
