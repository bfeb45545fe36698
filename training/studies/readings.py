"""What a model says of one picture, and of a list of them: what the tutorials' notebooks call testing.

`python -m xray` does the same from the command line, `training.evaluate.external` with the figures and a report.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from xray.analysis import BOTH_MODELS, Analyzer
from xray.annotate.annotated_copy import annotate
from xray.combined import MODELS, combine
from xray.errors import ImageError
from xray.io.png import encode_png
from xray.networks.heads import Verdict
from xray.prediction import Prediction


def read_one(analyzer: Analyzer, path: Path, model: str) -> tuple[Prediction, bytes]:
    """Test one picture.

    Args:
        analyzer: holds the networks; see `Analyzer.load`.
        path: of a PNG, JPEG or DICOM file.
        model: such as "covid_normal".

    Returns:
        What the model says, and the annotated copy as PNG: the film, the heat map, the verdict.

    Raises:
        ImageError: the picture is refused; the message says why.
    """
    analysis = analyzer.analyse(path.read_bytes(), [model])
    prediction = analysis.predictions[0]
    copy = annotate(analysis, prediction, file_name=path.name, when=datetime.now(UTC).astimezone())
    return prediction, encode_png(copy)


def read_list(analyzer: Analyzer, paths: Iterable[Path], model: str) -> pd.DataFrame:
    """Test a list of pictures; one that is refused gets its reason in place of a score.

    Args:
        analyzer: holds the networks.
        paths: of PNG, JPEG or DICOM files.
        model: such as "covid_normal", or "both": what models 1 and 2 say together.

    Returns:
        A row for each picture: file, verdict, score, cautions, refused.
    """
    rows = []
    for path in paths:
        row = {"file": path.name, "verdict": "", "score": float("nan"), "cautions": "", "refused": ""}
        try:
            analysis = analyzer.analyse(path.read_bytes(), MODELS if model == BOTH_MODELS else [model])
            said = combine(analysis.predictions) or analysis.predictions[0]
            row |= {"verdict": said.verdict.value, "score": said.score, "cautions": " ".join(analysis.cautions)}
        except ImageError as error:
            row["refused"] = str(error)
        rows.append(row)
    return pd.DataFrame(rows)


def counted(table: pd.DataFrame) -> dict[str, int]:
    """Count the verdicts of `read_list`, and the pictures that were refused."""
    counts = {verdict.value: int((table.verdict == verdict.value).sum()) for verdict in Verdict}
    return {**counts, "refused": int((table.refused != "").sum())}
