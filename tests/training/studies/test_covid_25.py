"""Rerun of the 25 + 25 experiment: its images, its network, its figures."""

import cv2
import keras
import numpy as np
import pandas as pd
import pytest

from training.studies import covid_25
from training.studies.tutorial_2020 import heads
from xray.errors import DatasetError, ManifestError

TABLE = [
    "patientid,finding,view,filename", "1,COVID-19,PA,a.png", "2,Pneumonia/Viral/COVID-19,PA,b.png",
    "3,COVID-19,AP,c.png", "4,SARS,PA,d.png", "5,COVID-19,PA,lost.png",
]  # fmt: skip


@pytest.fixture
def published(tmp_path, radiograph):
    """Both sets as they are published, small."""
    films = iter(cv2.imencode(".png", radiograph(96, 96, seed))[1] for seed in range(20))
    (tmp_path / "covid" / "images").mkdir(parents=True)
    (tmp_path / "covid" / "metadata.csv").write_text("\n".join(TABLE))
    for name in "abcd":
        next(films).tofile(tmp_path / "covid" / "images" / f"{name}.png")
    (tmp_path / "children" / "train" / "NORMAL").mkdir(parents=True)
    for number in range(8):
        next(films).tofile(tmp_path / "children" / "train" / "NORMAL" / f"IM-{number}.png")
    return tmp_path


def test_only_pa_radiographs_of_covid_that_are_there_are_taken(published):
    assert [path.name for path in covid_25.covid_images(published / "covid")] == ["a.png", "b.png"]


def test_normal_radiographs_are_drawn_again_the_same(published):
    first, again = covid_25.draw_normal(published / "children", 5), covid_25.draw_normal(published / "children", 5)
    assert first == again and len(set(first)) == 5


def test_what_lacks_says_what_was_expected(published):
    with pytest.raises(ManifestError, match="expected the publisher's table at .*metadata.csv"):
        covid_25.covid_images(published)
    with pytest.raises(ManifestError, match="at least 9 pictures; received 8"):
        covid_25.draw_normal(published / "children", 9)
    with pytest.raises(DatasetError, match="covid.*at least 5 pictures; received 0"):
        covid_25.read(published / "children", published / "out")


def test_figures_come_with_the_intervals_that_ten_images_allow():
    table = pd.DataFrame({"y_true": [1] * 5 + [0] * 5, "y_score": [0.9] * 4 + [0.2] + [0.1] * 5})
    words = covid_25.report(table.assign(patient_id=table.index, group=table.index))
    assert "[[4, 1], [0, 5]]" in words
    assert "accuracy: 0.9000 [0.596, 0.982] (9 of 10)" in words
    assert "sensitivity: 0.8000 [0.376, 0.964] (4 of 5)" in words
    assert "specificity: 1.0000 [0.566, 1.000] (5 of 5)" in words


def test_the_experiment_runs_to_its_end(
    radiograph, published, tmp_path, monkeypatch, capsys, brightness_backbone, step
):
    monkeypatch.setattr(covid_25, "COPIES", 1)
    dataset, output = tmp_path / "dataset", tmp_path / "out"
    for name, brightest in (("covid", 150), ("normal", 255)):
        (dataset / name).mkdir(parents=True)
        for number in range(5):
            image = np.minimum(radiograph(96, 96, number + brightest), brightest)
            cv2.imencode(".png", image)[1].tofile(dataset / name / f"{number}.png")
    sets = ("--covid", published / "covid", "--children", published / "children", "--sample", 2)
    step(covid_25, *sets, "--dataset", dataset, "--epochs", 1, "--output", output)
    assert {path.name for path in (dataset / "covid").iterdir()} >= {"0.png", "a.png", "b.png"}
    said = capsys.readouterr().out
    assert "confusion matrix" in said and "without any lung, reaches accuracy\n" in said
    assert (output / "plot.png").read_bytes().startswith(b"\x89PNG")
    model = keras.models.load_model(output / "covid19.keras")
    assert model.input_shape == (None, 224, 224, 3) and model.output_shape == (None, 2)


def test_the_saved_network_is_the_backbone_below_the_head(tmp_path):
    settings = heads.Settings("covid_25", "2020", "normal", 1e-3, 1, 8, 64, 4, 0.5, 15.0, 0.2, (5, 0, 0, 5))
    head = heads.head(512, settings)
    model = covid_25.with_backbone(head, settings, "vgg16_cxr")
    assert sum(int(np.prod(each.shape)) for each in model.trainable_weights) == head.count_params() == 32_962
