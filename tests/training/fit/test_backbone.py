"""What the backbone is shown: sources in their shares, labels and views balanced, nothing of a hospital left out."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tests.training.conftest import row  # noqa: E402
from training.config import CONFIGS, load  # noqa: E402
from training.data.crops import Crops  # noqa: E402
from training.fit import views  # noqa: E402
from training.fit.backbone_data import BackboneConfig, Lessons  # noqa: E402
from training.fit.questions import Questionnaire  # noqa: E402

SHIPPED = load(CONFIGS / "backbone.toml", BackboneConfig)
# source, label, view, how many
FILMS = [
    ("nih", "normal", "AP", 30), ("nih", "normal", "PA", 10), ("nih", "pneumonia", "AP Supine", 5),
    ("nih", "pneumonia", "PA", 20), ("kermany", "normal", "AP", 16), ("kermany", "pneumonia", "AP", 64),
    ("cohen", "unlabelled", "PA", 9), ("cohen", "covid", "PA", 9), ("siim", "covid", "", 40),
]  # fmt: skip


@pytest.fixture
def films() -> Crops:
    facts = {"split": "train", "width": 9, "height": 9}
    rows = [
        row(100 * cell + n, **facts, source=source, label=label, view=view)
        for cell, (source, label, view, count) in enumerate(FILMS)
        for n in range(count)
    ]
    images = np.random.default_rng(0).integers(0, 255, (len(rows), 32, 32), dtype=np.uint8)
    return Crops(rows, images, images > 127, np.tile(np.float32([0, 1, 0, 1]), (len(rows), 1)))


def test_sources_labels_and_views_are_drawn_as_the_configuration_says(films: Crops) -> None:
    asked = Questionnaire(SHIPPED.questions)
    known = views.known(films)
    lessons = Lessons(films, known, asked, asked.targets(films.rows, 0.0), {}, np.zeros(len(films.rows), bool))
    train, share = lessons.weights(SHIPPED)
    of = {(films.rows[i].source, films.rows[i].label, known[i]): 0.0 for i in train}
    for i, each in zip(train, share, strict=True):
        of[films.rows[i].source, films.rows[i].label, known[i]] += each
    assert sum(of.values()) == pytest.approx(1)
    assert ("cohen", "unlabelled", "PA") not in of, "nobody says what it shows"
    by_source = {name: sum(each for (source, _, _), each in of.items() if source == name) for name in SHIPPED.shares}
    assert by_source == pytest.approx(SHIPPED.shares)
    for label in ("normal", "pneumonia"):
        assert of["nih", label, "AP"] == pytest.approx(of["nih", label, "PA"]), "the view tells nothing"
    assert of["kermany", "pneumonia", "AP"] == pytest.approx(2 * of["kermany", "normal", "AP"]), (
        "the root of their sizes"
    )


def test_views_are_estimated_from_the_sources_that_are_used_alone(films: Crops, monkeypatch) -> None:
    """The views of a hospital left out, here turned round, change nothing of another's estimate."""
    where = {name: np.flatnonzero([each.source == name for each in films.rows]) for name in ("nih", "cohen", "siim")}
    told = np.array([[each.view.startswith("AP") if each.view else n % 2, 1.0] for n, each in enumerate(films.rows)])
    told[where["cohen"], 0] = 1000.0
    monkeypatch.setattr(views, "REGULARISATION", 1.0)  # so few radiographs would not outweigh it
    monkeypatch.setattr(views, "_features", lambda _, chosen, *__: told[chosen])
    used = np.concatenate([where["nih"], where["siim"]])
    found = views.estimated(films, used, where["siim"], keras.Model, 1.0)
    assert found[where["siim"]].tolist() == ["AP" if value else "PA" for value in told[where["siim"], 0]]
    assert set(found[where["cohen"]]) == {"PA"}, "what the publisher says stays"
