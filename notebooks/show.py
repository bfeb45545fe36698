"""What notebooks show: images, plots, tables, and the verdicts on one radiograph or on a list."""

import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from IPython.display import Image
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.config import MODELS, RUNS
from training.evaluate.baselines import BASELINES
from training.report.render import FIGURES, figure_text
from xray.analysis import BOTH_MODELS, Analyzer
from xray.annotate.annotated_copy import annotate, encode
from xray.combined import MODELS as PAIR
from xray.combined import combine
from xray.errors import ImageError
from xray.networks.heads import Verdict
from xray.prediction import Prediction

WIDEST = 1000  # pixels on the page


def quietly() -> None:
    """Send what compiled libraries write to the terminal to runs/notebooks/libraries.log.

    Else notebooks show it between the images. Errors and warnings of Python are shown as ever.
    """
    log = RUNS / "notebooks" / "libraries.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 2)


def encoded(content: bytes, width: int = WIDEST) -> Image:
    """Show a PNG or JPEG so many pixels wide."""
    return Image(content, width=width)


def row(images: Sequence[NDArray[np.uint8]], titles: Sequence[str], inches: float = 2.6) -> Image:
    """Show images side by side, each under its title.

    Args:
        images: grey, shape (height, width), or blue, green, red, shape (height, width, 3).
        titles: as many.
        inches: a side of each.
    """
    figure = Figure(figsize=(inches * len(images), inches + 0.4), layout="constrained")
    for axes, image, title in zip(np.ravel(figure.subplots(1, len(images))), images, titles, strict=True):
        axes.imshow(image[..., ::-1] if image.ndim == 3 else image, cmap="gray")
        axes.set_title(title, fontsize=9)
        axes.axis("off")
    file = BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return encoded(file.getvalue(), width=min(WIDEST, round(100 * inches * len(images))))


def square(image: NDArray[np.uint8], side: int = 128) -> NDArray[np.uint8]:
    """Squash a grey image to a square, as the tutorials do."""
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def card(model: str) -> pd.DataFrame:
    """Return the figures of a served model beside those of its baselines, all on the test split of all radiographs."""
    facts = json.loads((MODELS / model / "metadata.json").read_text(encoding="utf-8"))
    metrics, label = facts["metrics"], facts["positive"]
    beside = {f"served {model}": metrics["test"][label]["all"]}
    beside |= {BASELINES[name]: each[label]["all"] for name, each in metrics["baselines"].items()}
    rows = {f"{name}, {each['n']} films": [figure_text(each[key]) for key in FIGURES] for name, each in beside.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(FIGURES.values()))


def read_one(analyzer: Analyzer, path: Path, model: str) -> tuple[Prediction, bytes]:
    """Test one radiograph.

    Args:
        analyzer: holds the networks; see `Analyzer.load`.
        path: of a PNG, JPEG or DICOM file.
        model: such as "covid_normal".

    Returns:
        What the model says, and the annotated copy as JPEG: the radiograph, the heat map, the verdict.

    Raises:
        ImageError: the image is refused; the message says why.
    """
    analysis = analyzer.analyse(path.read_bytes(), [model])
    prediction = analysis.predictions[0]
    copy = annotate(analysis, prediction, file_name=path.name, when=datetime.now(UTC).astimezone())
    return prediction, encode(copy)


def read_list(analyzer: Analyzer, paths: Iterable[Path], model: str) -> pd.DataFrame:
    """Test a list of images; one that is refused gets its reason in place of a score.

    Args:
        analyzer: holds the networks.
        paths: of PNG, JPEG or DICOM files.
        model: such as "covid_normal", or "both": models 1 and 2 read together.

    Returns:
        A row for each image: file, verdict, score, cautions, refused.
    """
    rows = []
    for path in paths:
        row = {"file": path.name, "verdict": "", "score": float("nan"), "cautions": "", "refused": ""}
        try:
            analysis = analyzer.analyse(path.read_bytes(), PAIR if model == BOTH_MODELS else [model])
            said = combine(analysis.predictions) or analysis.predictions[0]
            row |= {"verdict": said.verdict.value, "score": said.score, "cautions": " ".join(analysis.cautions)}
        except ImageError as error:
            row["refused"] = str(error)
        rows.append(row)
    return pd.DataFrame(rows)


def counted(table: pd.DataFrame) -> dict[str, int]:
    """Count the verdicts of `read_list`, and the images that were refused."""
    counts = {verdict.value: int((table.verdict == verdict.value).sum()) for verdict in Verdict}
    return {**counts, "refused": int((table.refused != "").sum())}
