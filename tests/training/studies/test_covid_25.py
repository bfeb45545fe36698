"""Rerun of the 25 + 25 experiment: its images, its network, its figures."""

import cv2
import keras
import numpy as np
import pandas as pd
import pytest

from training.studies import covid_25

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
