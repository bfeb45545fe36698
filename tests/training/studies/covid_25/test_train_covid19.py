"""The 25 + 25 experiment: its pictures, its network, its figures."""

import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from training.studies.covid_25 import train_covid19
from training.studies.covid_25.build_covid_dataset import build
from training.studies.covid_25.sample_kaggle_dataset import sample
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
    (tmp_path / "kaggle" / "train" / "NORMAL").mkdir(parents=True)
    for number in range(8):
        next(films).tofile(tmp_path / "kaggle" / "train" / "NORMAL" / f"IM-{number}.png")
    return tmp_path


def test_only_pa_films_of_covid_that_are_there_are_taken(published):
    assert [path.name for path in build(published / "covid", published / "out")] == ["a.png", "b.png"]
    assert [path.name for path in build(published / "covid", published / "one", most=1)] == ["a.png"]
    copy = (published / "out" / "a.png").read_bytes()
    assert copy == (published / "covid" / "images" / "a.png").read_bytes()


def test_normal_films_are_picked_by_chance_and_again_the_same(published):
    picked = [[path.name for path in sample(published / "kaggle", published / out, 5)] for out in ("x", "y")]
    assert picked[0] == picked[1] and len(set(picked[0])) == 5
    assert picked[0] != [path.name for path in sample(published / "kaggle", published / "z", 5, seed=1)]


def test_what_lacks_says_what_was_expected(published):
    with pytest.raises(ManifestError, match="expected metadata.csv and images/"):
        build(published, published / "out")
    with pytest.raises(ManifestError, match="at least 9 pictures; received 8"):
        sample(published / "kaggle", published / "out", 9)
    assert not (published / "out").exists()
    with pytest.raises(DatasetError, match="covid.*at least 5 pictures; received 0"):
        train_covid19.read(published / "kaggle")


def test_the_head_has_the_tutorials_parameters_and_the_base_stays_as_it_is():
    model = train_covid19.network("random")
    assert sum(int(np.prod(each.shape)) for each in model.trainable_weights) == 64 * 512 + 64 + 64 * 2 + 2 == 32962
    assert model.output_shape == (None, 2)


def test_figures_come_with_the_intervals_that_ten_pictures_allow():
    y, score = np.array([1] * 5 + [0] * 5), np.array([0.9, 0.9, 0.9, 0.9, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1])
    words = train_covid19.report(y, score)
    assert "[[4, 1], [0, 5]]" in words
    assert "accuracy: 0.9000 [0.596, 0.982] (9 of 10)" in words
    assert "sensitivity: 0.8000 [0.376, 0.964] (4 of 5)" in words
    assert "specificity: 1.0000 [0.566, 1.000] (5 of 5)" in words


def test_the_experiment_runs_to_its_end(published, tmp_path, monkeypatch, capsys):
    dataset = tmp_path / "dataset"
    for name, brightness in (("covid", 60), ("normal", 200)):
        (dataset / name).mkdir(parents=True)
        for number in range(5):
            picture = np.full((96, 96), brightness, np.uint8)
            picture[20:70, 20:40] = number * 10
            cv2.imencode(".png", picture)[1].tofile(dataset / name / f"{number}.png")
    plot, model = tmp_path / "out" / "plot.png", tmp_path / "out" / "covid19.keras"
    argv = ["train_covid19", "-d", str(dataset), "-p", str(plot), "-m", str(model), "--weights", "random"]
    monkeypatch.setattr(sys, "argv", [*argv, "--epochs", "1"])
    train_covid19.main()
    said = capsys.readouterr().out
    assert "confusion matrix" in said and "without any lung, reaches accuracy\n1.000" in said
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert keras.models.load_model(model).output_shape == (None, 2)


def test_a_model_file_must_be_one_that_keras_writes(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train_covid19", "-d", "x", "-m", "covid19.model"])
    with pytest.raises(SystemExit):
        train_covid19.main()
    assert "ends in .keras" in capsys.readouterr().err
    assert not Path("covid19.model").exists()
