"""Networks under audit get the films, the scores and the verdicts that the app would give."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tqdm")

from training.evaluate.audited import AuditedHead, Served  # noqa: E402
from training.networks.first_edition import Band, LinearHead  # noqa: E402
from xray.networks.heads import Head, Verdict  # noqa: E402
from xray.networks.metadata import load  # noqa: E402
from xray.networks.preprocess import LUNG_BOX, Recipe, preprocess  # noqa: E402
from xray.networks.runtime import Network  # noqa: E402

MODELS = Path(__file__).resolve().parents[3] / "model"
RECIPE = Recipe(LUNG_BOX, 64)


def balance(x: np.ndarray) -> np.ndarray:
    """Stand in for the backbone: a few points, bright in its first channel, dark in its second."""
    return np.maximum(x[:, ::16, ::16, :2] * np.float32([1, -1]), 0)


@pytest.fixture(scope="module")
def served() -> Served:
    kernel = np.array([[0, 3], [0, -3]], np.float32)
    head = AuditedHead(LinearHead(kernel, np.zeros(2, np.float32)), 1, 1.0, Band(0.4, 0.6))
    return Served(Network(MODELS / "lung_unet" / "network.tflite"), balance, RECIPE, {"a": head})


def test_a_film_is_seen_as_preprocessing_makes_it(served, radiograph):
    film = served.film(radiograph(300, 280))
    expected = balance(preprocess(film.image, film.lungs, RECIPE)[None])[0]
    np.testing.assert_array_equal(served.features_of(film), expected)


def test_a_negative_is_turned_back_and_a_blank_refused(served, radiograph):
    picture = radiograph(300, 280)
    film, turned = served.film(picture), served.film(255 - picture)
    np.testing.assert_array_equal(turned.image, film.image)
    assert turned.inverted and served.scores(turned) == served.scores(film)
    assert served.film(np.full((300, 280), 90, np.uint8)) is None
    assert np.isnan(served.scores(None)["a"])


@pytest.mark.parametrize(
    ("score", "verdict"),
    [(0.39994, Verdict.NEGATIVE), (0.39996, Verdict.INCONCLUSIVE), (0.59996, Verdict.POSITIVE)],
)
def test_verdicts_are_of_the_rounded_score(score, verdict, served):
    assert served.heads["a"].verdict(score) is verdict


def test_a_served_head_is_audited_as_it_is_served():
    backbone = load(MODELS / "vgg16_cxr" / "metadata.json")
    facts = load(MODELS / "covid_normal" / "metadata.json")
    head = Head.load(MODELS / "covid_normal" / facts.file.name, facts, backbone.feature_shape[2])
    features = np.random.default_rng(0).random(backbone.feature_shape, np.float32)
    found = AuditedHead.of(head)
    assert found.score(features) == pytest.approx(head.scores(features)[facts.labels.index("covid")])
