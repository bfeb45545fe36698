"""The audit tells heads that read the lungs from heads that do not, on radiographs as the app sees them."""

import cv2
import numpy as np
import pandas as pd
import pytest

from tests.artefacts import head_facts
from tests.training.conftest import row
from training.evaluate.heat_maps import DRAWS, SHOWN, Networks, erased_scores, heat_in_lungs, robustness, sanity
from xray.errors import DatasetError
from xray.networks.heads import Head
from xray.networks.metadata import OperatingPoint
from xray.networks.preprocess import LUNG_BOX, Recipe

RECIPE = Recipe(LUNG_BOX, 64)
# As large as the lung network's output, so that the mask comes out as it is drawn here. With its margin the box is
# 52 by 68 px: cells of 13 by 17 on a grid of 4 by 4.
LUNGS = np.zeros((128, 128), bool)
LUNGS[40:86, 34:56] = LUNGS[40:86, 72:94] = True
LUNGS[40:60, 72:76] = False


def head(kernel, bias=(0, 0), edges=(0.4, 0.6), temperature=1.0) -> Head:
    """Make a head of a pair whose second output is positive."""
    low, high = edges
    points = (
        OperatingPoint(threshold=1 - high, negative_below=1 - high, positive_from=1 - low),
        OperatingPoint(threshold=low, negative_below=low, positive_from=high),
    )
    return Head(
        head_facts(temperature=temperature, points=points), np.array(kernel, np.float32), np.array(bias, np.float32)
    )


def find_lungs(x: np.ndarray) -> np.ndarray:
    """Stand in for the lung network: it finds lungs in all but blank pictures."""
    return LUNGS[None, :, :, None].astype(np.float32) * bool(np.ptp(x))


def see(x: np.ndarray) -> np.ndarray:
    """Stand in for the backbone: how much of each cell is bright in its first channel, how much dark in its second."""
    cells = [np.maximum(sign * x[0, :, :, 0], 0).reshape(4, 16, 4, 16).mean(axis=(1, 3)) for sign in (1, -1)]
    return np.stack(cells, axis=-1)[None].astype(np.float32)


# Scores the balance of bright and dark.
BALANCE = head([[0, 9], [0, -9]])


def film(*, surround: int = 180, patch: bool = False) -> np.ndarray:
    """Draw dark lungs; a patch is as bright as what surrounds them."""
    picture = np.where(LUNGS, 60, surround).astype(np.uint8)
    picture[0] = 20
    if patch:
        picture[50:76, 38:54] = surround
    return picture


@pytest.fixture
def served(tmp_path):
    return lambda backbone=see, **heads: Networks(find_lungs, backbone, RECIPE, heads, tmp_path)


@pytest.fixture
def rows(tmp_path):
    """Write pictures and make rows of them."""

    def make(*pictures: np.ndarray) -> list:
        found = []
        for i, picture in enumerate(pictures):
            sha256 = f"{int(picture.sum()) + i:064x}"
            cv2.imencode(".png", picture)[1].tofile(tmp_path / f"{sha256}.png")
            facts = {"path": f"{sha256}.png", "sha256": sha256, "width": 128, "height": 128, "group": f"g{i}"}
            found.append(row(i, label="covid", source="drawn", split="test", **facts))
        return found

    return make


def by_erasure(table: pd.DataFrame) -> dict[str, list[float]]:
    return {name: list(part.y_score) for name, part in table.groupby("erasure", sort=False)}


MARKED = film()
MARKED[46:82, 58:70] = 60


@pytest.mark.parametrize(
    ("changed", "seen", "unseen"),
    [
        (film(patch=True), ("as_it_is", "lungs_only"), ("lungs_erased", "border_only")),
        (MARKED, ("as_it_is", "lungs_erased"), ("border_only",)),
    ],
    ids=["in the lungs", "between the lungs"],
)
def test_a_change_is_seen_only_while_its_place_is_there(changed, seen, unseen, rows, served):
    scores = by_erasure(erased_scores(served(a=BALANCE), rows(film(), changed)))
    assert tuple(scores) == SHOWN
    for name in seen:
        assert abs(scores[name][1] - scores[name][0]) > 0.01
    for name in unseen:
        assert scores[name][1] == pytest.approx(scores[name][0])


def test_refused_films_are_left_out(rows, served):
    radiographs = rows(np.full((128, 128), 90, np.uint8), film())
    for measure in (erased_scores, heat_in_lungs):
        assert set(measure(served(a=BALANCE), radiographs).path) == {radiographs[1].path}
    assert robustness(served(a=BALANCE), radiographs).n.eq(1).all()
    with pytest.raises(DatasetError, match="Received 1; it refuses all"):
        heat_in_lungs(served(a=BALANCE), radiographs[:1])


BLANK = np.full((128, 128), 90, np.uint8)
CHANGES = {
    "same": lambda picture, _: picture,
    "negative": lambda picture, _: 255 - picture,
    "patched": lambda picture, _: film(patch=True),
    "spoilt": lambda picture, _: BLANK,
    "sometimes": lambda picture, _: BLANK if picture[5, 5] == 180 else picture,
}


def test_robustness_tells_what_moves_a_score_from_what_does_not(rows, served):
    plain, patched = (
        by_erasure(erased_scores(served(a=BALANCE), rows(each)))["as_it_is"][0] for each in (film(), film(patch=True))
    )
    middle = (plain + patched) / 2
    between = head(BALANCE.kernel, edges=(middle, middle))
    far = head(BALANCE.kernel, edges=(0, 0))
    radiographs = rows(film(), film(surround=170))
    table = robustness(served(near=between, far=far), radiographs, CHANGES).set_index(["change", "head"])
    assert list(table.index) == [(change, head) for change in CHANGES for head in ("near", "far")]
    assert (table.n == 2).all()
    for name in ("same", "negative"):
        assert table.loc[name].to_numpy()[:, 1:] == pytest.approx(0, abs=1e-6), "negatives are turned back"
    assert table.loc[("patched", "near"), "shift_median"] == pytest.approx(abs(patched - plain), rel=0.1)
    assert table.loc["patched"].verdict_changed.tolist() == [1, 0]
    assert table.loc["spoilt"].refused.tolist() == [1, 1]
    assert table.loc["spoilt"][["shift_median", "shift_p95", "verdict_changed"]].isna().all(axis=None)
    assert table.loc[("sometimes", "near")].tolist() == pytest.approx([2, 0.5, 0, 0, 0])


def busy(x: np.ndarray) -> np.ndarray:
    """Stand in for the backbone: channels that each like other cells, more so where the film is bright."""
    liking = np.random.default_rng(0).random((4, 4, 12))
    return (liking[None] * (1 + see(x)[..., :1])).astype(np.float32)


def test_heat_that_any_head_gives_is_found_out(rows, served):
    kernel = np.random.default_rng(1).normal(size=(12, 2))
    trained, opposite, blind = (head(each) for each in (kernel, kernel[:, ::-1], kernel * 0))
    heads = {name: trained for name in ("itself", "opposite", "blind", "none")}
    labels = {"itself": [trained], "opposite": [opposite], "blind": [trained, blind]}
    table = sanity(served(busy, **heads), rows(film(), film(patch=True)), labels)
    found = table.set_index(["head", "other"])
    assert found.loc[("itself", "random_labels")].tolist() == pytest.approx([1, 2])
    assert found.loc[("opposite", "random_labels"), "correlation"] < -0.3
    assert found.loc[("blind", "random_labels")].tolist() == pytest.approx([1, 2]), "an even map has no ranks"
    assert ("none", "random_labels") not in found.index
    weights = found.loc[("itself", "random_weights")]
    assert abs(weights.correlation) < 0.7 and DRAWS <= weights.n <= 2 * DRAWS
