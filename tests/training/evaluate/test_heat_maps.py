"""The audit tells heads that read the lungs from heads that do not, on radiographs as the app sees them."""

import cv2
import numpy as np
import pandas as pd
import pytest

from training.data.manifest import Row
from training.evaluate.heat_maps import (
    DRAWS,
    SHOWN,
    Networks,
    erased_scores,
    heat_in_lungs,
    randomised,
    robustness,
    sanity,
)
from xray.errors import DatasetError
from xray.networks.heads import Head
from xray.networks.metadata import ArtefactFile, HeadFacts, OperatingPoint
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
    facts = HeadFacts(
        name="head", version="1.0.0", created="2026-11-20T00:00:00+00:00", title="Head", licence="MIT",
        file=ArtefactFile(name="head.npz", sha256="0" * 64, size_bytes=1), metrics={}, training={}, parity={},
        backbone="vgg16_cxr", backbone_sha256="0" * 64, labels=("normal", "covid"), exclusive=True, positive="covid",
        temperature=temperature, points=points,
    )  # fmt: skip
    return Head(facts, np.array(kernel, np.float32), np.array(bias, np.float32))


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

    def make(*pictures: np.ndarray) -> list[Row]:
        found = []
        for i, picture in enumerate(pictures):
            sha256 = f"{int(picture.sum()) + i:064x}"
            cv2.imencode(".png", picture)[1].tofile(tmp_path / f"{sha256}.png")
            found.append(Row(
                path=f"{sha256}.png", sha256=sha256, label="covid", finding="", source="drawn", patient_id=f"p{i}",
                group=f"g{i}", view="PA", sex="", age_years="", population="", upstream_split="", mask="", licence="",
                split="test", original_filename="", width=128, height=128,
            ))  # fmt: skip
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


def test_each_score_is_of_the_head_s_positive_label_and_knows_its_radiograph(rows, served):
    cooler = head(BALANCE.kernel, temperature=2.0)
    table = erased_scores(served(one=BALANCE, cooler=cooler), rows(film(patch=True)))
    one, other = (table[table["head"] == name].y_score.to_numpy() for name in ("one", "cooler"))
    logit = np.log(one / (1 - one))
    np.testing.assert_allclose(other, 1 / (1 + np.exp(-logit / 2)), atol=2e-4)
    assert table.label.eq("covid").all() and table.group.eq("g0").all()


def test_refused_films_are_left_out(rows, served):
    radiographs = rows(np.full((128, 128), 90, np.uint8), film())
    for measure in (erased_scores, heat_in_lungs):
        assert set(measure(served(a=BALANCE), radiographs).path) == {radiographs[1].path}
    assert robustness(served(a=BALANCE), radiographs).n.eq(1).all()
    with pytest.raises(DatasetError, match="Received 1; it refuses all"):
        heat_in_lungs(served(a=BALANCE), radiographs[:1])


def warm(*cells: tuple[int, int]) -> np.ndarray:
    """Make features whose first channel is 1 in these cells, and whose second is 1 in the last cell."""
    features = np.zeros((1, 4, 4, 2), np.float32)
    for row, column in cells:
        features[0, row, column, 0] = 1
    features[0, 3, 3, 1] = 1
    return features


def test_heat_counts_by_the_share_of_each_cell_that_is_lung(rows, served):
    """The first cell of the second row is lung but for the box's margin of 4 of 17 px."""
    to_positive = head([[0, 1], [1, 0]], bias=(0, 9))
    table = heat_in_lungs(served(lambda _: warm((1, 0)), a=to_positive), rows(film()))
    assert table.verdict.tolist() == ["POSITIVE"]
    assert table.in_lungs[0] == pytest.approx(13 / 17)
    assert table.area[0] == pytest.approx(LUNGS.sum() / (52 * 68))
    both = heat_in_lungs(served(lambda _: warm((1, 0), (0, 1)), a=to_positive), rows(film()))
    assert both.in_lungs[0] == pytest.approx((13 / 17 + (9 / 17) * (10 / 13)) / 2)


@pytest.mark.parametrize(
    ("bias", "verdict", "inside"),
    [((0, 9), "POSITIVE", 13 / 17), ((9, 0), "NEGATIVE", (13 / 17) * (10 / 13)), ((0, 0), "INCONCLUSIVE", 13 / 17)],
)
def test_the_heat_is_that_of_the_class_that_the_app_would_explain(bias, verdict, inside, rows, served):
    table = heat_in_lungs(served(lambda _: warm((1, 0)), a=head([[0, 1], [1, 0]], bias)), rows(film()))
    assert (table.verdict[0], table.in_lungs[0]) == (verdict, pytest.approx(inside))


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


def test_percentiles_are_of_the_films(rows, served):
    """One film of five moves: the median does not, the 95th percentile does."""
    radiographs = rows(*(film(surround=level) for level in (150, 160, 170, 180, 190)))
    change = {"one": lambda picture, _: film(patch=True) if picture[5, 5] == 180 else picture}
    found = robustness(served(a=BALANCE), radiographs, change).iloc[0]
    assert found.shift_median == 0 and found.shift_p95 > 0.01


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


def test_a_head_without_heat_has_no_share_of_it_and_is_compared_with_none(rows, served):
    blind = head(np.zeros((12, 2)))
    heat = heat_in_lungs(served(busy, a=blind), rows(film()))
    assert np.isnan(heat.in_lungs[0]) and heat.area[0] > 0
    found = sanity(served(busy, a=blind), rows(film()), {}).iloc[0]
    assert found.n == 0 and np.isnan(found.correlation)


def test_a_randomised_head_is_another_of_the_same_size():
    known = head(np.arange(8).reshape(4, 2), bias=(1, 2))
    other = randomised(known, np.random.default_rng(0))
    for before, after in ((known.kernel, other.kernel), (known.bias, other.bias)):
        assert after.shape == before.shape and after.dtype == np.float32
        assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(before), rel=1e-5)
        assert (after != before).any()
