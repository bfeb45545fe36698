"""The screen's heads: judged on what they have not seen, and served as they were trained."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.special import expit

pytest.importorskip("keras", reason="needs the extra train")
from training.fit import features, out_of_distribution
from training.fit import out_of_distribution_data as data
from training.fit.out_of_distribution_data import Picture, altered, strangers
from training.metrics import figures
from xray.errors import ManifestError  # noqa: E402
from xray.networks.metadata import ArtefactFile, Check, ScreenFacts  # noqa: E402
from xray.networks.preprocess import LUNG_BOX, Recipe  # noqa: E402
from xray.quality.out_of_distribution import CHECKS, Screen  # noqa: E402

CHANNELS = 8


def cloud(n: int, shift: float, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(n, CHANNELS)) + shift).astype(np.float32)


def test_the_threshold_spares_the_stated_share_and_the_rest_is_found() -> None:
    groups = np.array([f"p{number}" for number in range(800)])
    asked, found = out_of_distribution.ask(cloud(500, 0, 1), cloud(300, 1.5, 2), groups, 0.01, 0.02)
    assert found.mean() > 0.9
    assert asked.flags(cloud(2000, 0, 3)).mean() == pytest.approx(0.02, abs=0.02)


def test_answers_are_given_by_heads_that_have_not_seen_the_patient() -> None:
    """Labels by chance, five copies of each patient: a head that had seen the copies would know them."""
    inputs, y_true = np.repeat(cloud(60, 0, 4), 5, axis=0), np.repeat(np.arange(60) % 2, 5)
    groups = np.repeat([f"p{number}" for number in range(60)], 5)
    unseen = out_of_distribution.out_of_fold(inputs, y_true, groups, 100.0)
    assert np.mean((unseen > 0.5) == y_true) < 0.7


def test_what_is_served_is_what_was_trained() -> None:
    train, new = cloud(400, 0, 5), cloud(20, 0.5, 6)
    centre, whitening = out_of_distribution.components(train, 4)
    heads = [out_of_distribution.fit(train, (train[:, i] > 0).astype(int), 0.1) for i in range(3)]
    facts = ScreenFacts(
        "screen", "1.0.0", "2026-01-01T00:00:00+00:00", "Screen", ArtefactFile("screen.npz", "0" * 64, 1), "",
        {}, {}, {}, "vgg16_cxr", "0" * 64, tuple(Check(name, 0.5) for name in CHECKS),
    )  # fmt: skip
    kernel = np.stack([head.kernel for head in heads], axis=1).astype(np.float32)
    bias = np.array([head.bias for head in heads], np.float32)
    scores = Screen(facts, kernel, bias, centre, whitening).scores(new)
    for column, head in enumerate(heads):
        np.testing.assert_allclose(scores[:, column], expit(head.logits(new)), atol=1e-5)
    np.testing.assert_allclose(
        scores[:, 3], out_of_distribution.distance(new, centre=centre, whitening=whitening), rtol=1e-4
    )
    typical = out_of_distribution.distance(cloud(2000, 0, 7), centre=centre, whitening=whitening)
    assert np.sqrt(np.square(typical).mean()) == pytest.approx(1.0, abs=0.1), "in deviations of the training films"


def test_shares_count_each_kind() -> None:
    found = figures.shares(np.array([True, False, True, True]), np.array(["ct", "ct", "page", "page"]))
    assert (found["ct"]["flagged"], found["ct"]["n"]) == (1, 2)
    assert found["page"]["low"] < 1 and found["page"]["high"] == 1


def test_strangers_are_the_publisher_s_and_drawn_ones(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(
        "path,label,view,patient_id,width,height\na.png,not_frontal,L,p1,99,99\nb.png,ct,Axial,p1,99,99\n"
        "c.png,covid,PA,p2,99,99\nd.png,not_frontal,,,99,99\nsmall.png,ct,,p9,99,57\n"
    )
    found = strangers(tmp_path)
    kinds = {picture.kind for picture in found}
    assert kinds == {"lateral", "ct", "photograph", "text page", "noise", "gradient"}
    assert {picture.group for picture in found if picture.kind in ("lateral", "ct")} == {"p1"}
    drawn = [picture.read() for picture in found if picture.kind not in ("lateral", "ct")]
    assert all(picture.dtype == np.uint8 and picture.ndim == 2 for picture in drawn)


def test_no_table_says_where_one_was_sought(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="XRAY_DATA"):
        strangers(tmp_path)


def test_each_film_comes_in_four_forms(collection: Path) -> None:
    from training.data.manifest import read, root

    rows = read(collection)[:2]
    found: list[Picture] = altered(rows, root(collection), 1)
    assert [picture.kind for picture in found] == ["as it came", "blurred", "upside down", "half"] * 2
    came, blurred, turned, half = (picture.read() for picture in found[:4])
    assert blurred.shape == came.shape and blurred.std() < came.std()
    np.testing.assert_array_equal(turned[::-1, ::-1], came)
    assert half.shape == (came.shape[0], came.shape[1] // 2)


LUNGS = np.zeros((96, 120), np.float32)
LUNGS[26:70, 30:52] = LUNGS[26:70, 66:90] = 1
FOUND = cv2.resize(LUNGS, (128, 128))[None, ..., None]


def test_the_gate_and_the_backbone_are_asked_once_for_each_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A blank picture has no lungs, and the gate stops it; the features are those of the backbone, averaged."""
    asked: list[int] = []

    def backbone(x: np.ndarray) -> np.ndarray:
        asked.append(1)
        return np.full((1, 4, 4, 3), float(x.any()), np.float32)

    monkeypatch.setattr("training.cache.FOLDER", tmp_path)
    monkeypatch.setattr(data, "segmenter", lambda: lambda x: FOUND if x.any() else np.zeros_like(FOUND))
    monkeypatch.setattr(features, "backbone", lambda *_: (backbone, "digest"))
    film = np.random.default_rng(0).integers(0, 256, LUNGS.shape, dtype=np.uint8)
    pictures = [Picture("film", "p1", lambda: film), Picture("blank", "p2", lambda: np.full_like(film, 90))]
    for _ in range(2):
        found = data.see(pictures, Recipe(LUNG_BOX, 64), "trial")
        assert list(found.admitted) == [True, False]
        np.testing.assert_array_equal(found.inputs, [[1, 1, 1], [0, 0, 0]])
    assert len(asked) == 2
    assert list(found.part(found.of("blank")).groups) == ["p2"]
    data.see(pictures[:1], Recipe(LUNG_BOX, 64), "trial")
    assert len(asked) == 3, "other pictures are not those of the cache"
