"""Heads of several classes: what is plausible, and what that makes of each class."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from xray.networks.classes import each_by_itself, only_plausible

from xray.analysis import Analyzer
from xray.errors import ModelError
from xray.networks.grad_cam import grad_cam
from xray.networks.heads import LinearHead, verdict
from xray.networks.metadata import Band, ClassPoint
from xray.registry import MODEL_DIR, Registry

POINTS = [ClassPoint(t, Band(t, t)) for t in (0.3, 0.2, 0.4)]


@pytest.mark.parametrize(
    ("scores", "verdicts"),
    [
        ((0.7, 0.1, 0.2), "P N N"),
        ((0.1, 0.1, 0.8), "N N P"),
        ((0.3, 0.19, 0.39), "P N N"),
        ((0.5, 0.3, 0.2), "I I I"),
        ((0.29, 0.19, 0.39), "I I I"),
    ],
)
def test_only_one_plausible_class_decides(scores: tuple[float, ...], verdicts: str) -> None:
    assert " ".join(each[0] for each in only_plausible(scores, POINTS)) == verdicts


def test_findings_are_judged_by_their_own_bands() -> None:
    points = [ClassPoint(0.5, Band(0.4, 0.6))] * 3
    assert [each[0] for each in each_by_itself((0.6, 0.5, 0.39), points)] == ["P", "I", "N"]


def test_the_heat_of_a_class_is_what_speaks_for_it_and_not_for_the_others() -> None:
    features = np.zeros((8, 8, 3), np.float32)
    for channel in range(3):
        features[channel, channel, channel] = 1
    head = LinearHead(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
    for index in range(3):
        cam = grad_cam(features, head, index)
        assert np.argwhere(cam).tolist() == [[index, index]]


def test_the_published_models_stand_in_their_order(analyzer: Analyzer) -> None:
    assert analyzer.names == ("covid_normal", "covid_pneumo", "three_classes", "findings")


def test_the_published_model_gives_each_class_a_share(analyzer: Analyzer, radiograph) -> None:
    data = cv2.imencode(".png", radiograph(512, 480))[1].tobytes()
    said = analyzer.analyse(data, ["three_classes"]).predictions[0]
    assert [each.label for each in said.classes] == ["covid", "normal", "pneumonia"]
    assert sum(each.score for each in said.classes) == pytest.approx(1, abs=2e-4)
    assert said.score == said.classes[0].score and said.verdict is said.classes[0].verdict
    assert said.cam.max() == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"points": []}, "one for each class"),
        ({"positive": "flu"}, "positive: one of"),
        ({"classes": ["covid", "covid", "normal"]}, "two labels or more"),
        (
            {"classes": ["covid", "normal"], "points": [{"threshold": 0.2, "band": {"low": 0.2, "high": 0.2}}] * 2},
            "arrays",
        ),
    ],
)
def test_an_artefact_that_does_not_fit_stops_start_up(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    folder = tmp_path / "model"
    for name in ("vgg16_cxr", "lung_unet", "screen", "covid_normal", "covid_pneumo", "three_classes"):
        shutil.copytree(MODEL_DIR / name, folder / name, copy_function=shutil.copy if name == "three_classes" else link)
    path = folder / "three_classes" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelError, match=complaint):
        Registry.load(folder)


def test_the_published_findings_are_scored_each_by_itself(analyzer: Analyzer, radiograph) -> None:
    data = cv2.imencode(".png", radiograph(512, 480))[1].tobytes()
    said = analyzer.analyse(data, ["findings"]).predictions[0]
    assert [each.label for each in said.classes] == ["abnormal", "covid", "bacterial", "viral"]
    assert all(each.verdict is verdict(each.score, each.band) for each in said.classes)
    assert sum(each.score for each in said.classes) != pytest.approx(1, abs=1e-3)
    assert said.called is None and said.score == said.classes[1].score


def link(source: str, target: str) -> None:
    Path(target).symlink_to(source)
