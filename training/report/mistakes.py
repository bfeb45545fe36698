"""The radiographs that a run got wrong, each beside the heat that misled it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import imutils
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.data.crops import LUNG_NETWORK
from training.fit.features import is_served, served
from training.metrics.figures import Json
from training.networks.first_edition import HeadWeights, grad_cam, load_weights
from training.networks.vgg16 import feature_shape
from xray.annotate.lettering import BACKGROUND, QUIET, TEXT, Picture, Sheet
from xray.annotate.panels import outline, overlay
from xray.io import image
from xray.io.pixels import GreyImage
from xray.networks import lungs
from xray.networks.grad_cam import to_picture
from xray.networks.lungs import LungMask
from xray.networks.preprocess import Recipe, crop_box, preprocess
from xray.networks.runtime import Network
from xray.prediction import in_words

MOST = 12  # of each class
PANEL, GAP, CAPTION = 260, 8, 48
PANELS_A_ROW = 6
# Features are cached in 16 bits, predictions written with 6 decimals: more than this is another network.
SAME_SCORE = 0.02

TITLE = "{count} radiographs on the wrong side of the threshold, the worst of each class first. "
HEAT = "Left the lungs that were found; right the evidence for the wrong class, yellow where it is strongest."
NO_HEAT = "Without heat: this run was not trained on the backbone that is served."
CHANGED = "no heat: the networks changed"


@dataclass(frozen=True, eq=False)
class Explainer:
    """A run's head on the served backbone.

    Attributes:
        backbone: from float32 (1, size, size, 3) to the features (1, size/16, size/16, 512).
        recipe: makes its input.
        head: of the run; its second output is the positive class.
    """

    backbone: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    recipe: Recipe
    head: HeadWeights

    def heat(self, film: GreyImage, mask: LungMask, score: float, called: int) -> Picture | None:
        """Draw a class's evidence on a film, framed where the network saw it.

        The film is not turned where it came as a negative, since `training.data.crops` does not turn it.

        Args:
            film: grey, uint8, shape (height, width).
            mask: bool, same shape, True inside the lungs.
            score: what the run wrote down for this film.
            called: the class to explain, 0 or 1.

        Returns:
            Blue, green, red, uint8, shape (height, width, 3); None where the networks at hand give another
            score, so that their heat would not be that of the run.
        """
        features = self.backbone(preprocess(film, mask, self.recipe)[None])[0]
        if abs(self.head.scores(features)[1] - score) > SAME_SCORE:
            return None
        box = crop_box(mask, self.recipe)
        cam = grad_cam(features, self.head, called)
        picture = overlay(film, to_picture(cam, box, (film.shape[0], film.shape[1])))
        return np.asarray(cv2.rectangle(picture, box[2::-2], (box.right - 1, box.bottom - 1), QUIET, 1))


def explainer(folder: Path, facts: Json) -> Explainer | None:
    """Return what explains a run's scores, or None if it was not trained on a served backbone.

    Args:
        folder: of the run, with head.npz.
        facts: its config.json.

    Raises:
        ModelError: the backbone or the run's head is missing or broken.
    """
    weights = str(facts.get("weights"))
    if not is_served(weights):
        return None
    recipe = Recipe(**facts["config"]["recipe"])
    return Explainer(Network(served(weights)), recipe, load_weights(folder / "head.npz", feature_shape(recipe)))


def worst(test: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Return the radiographs on the wrong side of the threshold, the worst of each class first."""
    wrong = test[(test.y_score >= threshold) != (test.y_true == 1)]
    missed = wrong[wrong.y_true == 1].nsmallest(MOST, "y_score")
    return pd.concat([missed, wrong[wrong.y_true == 0].nlargest(MOST, "y_score")])


def draw(wrong: pd.DataFrame, folder: Path, classes: tuple[str, str], explainer: Explainer | None, path: Path) -> None:
    """Draw the grid.

    Args:
        wrong: rows with path, label, source, view, y_true and y_score, at least one.
        folder: where the paths start.
        classes: labels, the negative one first.
        explainer: gives the heat; without one the films stand alone, and the grid says so.
        path: of the PNG.
    """
    segmenter = Network(LUNG_NETWORK)
    tiles = [_tile(row, folder, classes, segmenter, explainer) for row in wrong.itertuples()]
    height, width = tiles[0].shape[:2]
    columns = min(PANELS_A_ROW * PANEL // width, len(tiles))
    rows = -(-len(tiles) // columns)
    tiles += [np.full_like(tiles[0], BACKGROUND)] * (rows * columns - len(tiles))
    grid = imutils.build_montages(tiles, (width, height), (columns, rows))[0]
    title = _title(TITLE.format(count=len(wrong)) + (HEAT if explainer else NO_HEAT), grid.shape[1])
    cv2.imencode(".png", np.vstack([title, grid]))[1].tofile(path)


def _tile(
    row: "pd.core.frame.Row",
    folder: Path,
    classes: tuple[str, str],
    segmenter: Network,
    explainer: Explainer | None,
) -> Picture:
    """Return one captioned cell of the grid: the film and, where heat is to be had, the film under its heat."""
    film = image.read((folder / row.path).read_bytes())
    mask = lungs.segment(film, segmenter)
    # Shrunk before the line is drawn, or the line of a large film would vanish.
    lungs_found = outline(_fitted(film), _fitted(mask.astype(np.uint8)) > 0)
    panels = [(lungs_found, f"{in_words(row.label)}, score {row.y_score:.3f}")]
    if explainer:
        called = 1 - int(row.y_true)
        heat = explainer.heat(film, mask, row.y_score, called)
        words = CHANGED if heat is None else f"evidence for {in_words(classes[called])}"
        bare = cv2.cvtColor(film, cv2.COLOR_GRAY2BGR)
        panels.append((_fitted(bare if heat is None else heat), words))
    tile = Sheet(PANEL * len(panels), PANEL + CAPTION, 1.0, BACKGROUND)
    for number, (panel, words) in enumerate(panels):
        top, left = (PANEL - panel.shape[0]) // 2, number * PANEL + (PANEL - panel.shape[1]) // 2
        tile.picture[top : top + panel.shape[0], left : left + panel.shape[1]] = panel
        tile.write(tile.shorten(words, 15, PANEL - 2 * GAP), number * PANEL + GAP, PANEL + 18, 15, TEXT)
    origin = f"{f'{row.source} {row.view}'.strip()}: {Path(row.path).name}"
    tile.write(tile.shorten(origin, 13, tile.width - 2 * GAP), GAP, PANEL + 37, 13, QUIET)
    return tile.picture


def _fitted(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink or enlarge a picture until its longer side fills a panel."""
    tall = picture.shape[0] >= picture.shape[1]
    return imutils.resize(picture, **{"height" if tall else "width": PANEL - GAP})


def _title(text: str, width: int) -> Picture:
    """Write what the grid shows above it, in as many lines as it takes."""
    lines = Sheet(width, 1, 1.0, BACKGROUND).wrap(text, 16, width - 2 * GAP)
    sheet = Sheet(width, 16 + 22 * len(lines), 1.0, BACKGROUND)
    for number, line in enumerate(lines):
        sheet.write(line, GAP, 24 + 22 * number, 16, TEXT)
    return sheet.picture
