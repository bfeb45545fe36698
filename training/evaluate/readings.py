"""Scores of heads for radiologists' readings that no head is taught, and how far they repeat themselves."""

from collections.abc import Mapping

import pandas as pd

from training.evaluate.scored import Scored
from training.metrics.figures import Json

# A reading between COVID-19 and other diseases; its source has all readings under one roof.
INDETERMINATE = "indeterminate"


def scores_by_reading(scored: Mapping[str, Scored]) -> list[Json]:
    """Return the median score of each head for each reading, of test radiographs of the sources that have them all.

    Args:
        scored: the scores of each head for the same radiographs, by its name.

    Returns:
        A row for each source and reading: source, label, n and the median of each head.
    """
    table = _test_scores(scored)
    sources = table.source[table.label == INDETERMINATE].unique()
    return [
        {"source": source, "label": label, "n": len(rows), "median": rows[list(scored)].median().to_dict()}
        for (source, label), rows in table[table.source.isin(sources)].groupby(["source", "label"])
    ]


def repeated(scored: Mapping[str, Scored]) -> Json:
    """Return how far scores differ between test radiographs of one study that show the same.

    In sources with readings a study, not a patient, has an id: its radiographs were taken together.

    Args:
        scored: as `scores_by_reading`.

    Returns:
        The number of studies and, for each head, the median and the 90th percentile of the difference between the
        largest and the smallest score of a study; nothing where no study has several.
    """
    table = _test_scores(scored)
    table = table[table.source.isin(table.source[table.label == INDETERMINATE])]
    studies = table.groupby(["patient_id", "label"])[list(scored)]
    ranges = (studies.max() - studies.min())[studies.size() > 1]
    if ranges.empty:
        return {}
    spread = {"median": ranges.median(), "p90": ranges.quantile(0.9)}
    difference = {name: {key: float(each[name]) for key, each in spread.items()} for name in scored}
    return {"studies": len(ranges), "difference": difference}


def _test_scores(scored: Mapping[str, Scored]) -> pd.DataFrame:
    """Return source, label and patient_id of the test radiographs, and a column of scores for each head."""
    table = next(iter(scored.values())).table
    columns = {name: each.scores[:, each.own] for name, each in scored.items()}
    return table.assign(**columns)[(table.split == "test").to_numpy()]
