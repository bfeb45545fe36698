"""The screen's heads: judged on what they have not seen, and served as they were trained."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

pytest.importorskip("keras", reason="needs the extra train")
from training.fit import out_of_distribution
from training.fit.out_of_distribution_data import strangers
from xray.networks.metadata import ArtefactFile, Check, ScreenFacts  # noqa: E402
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


LUNGS = np.zeros((96, 120), np.float32)
LUNGS[26:70, 30:52] = LUNGS[26:70, 66:90] = 1
