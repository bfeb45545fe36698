"""The served models on a hospital's own pictures."""

import argparse
import json

import cv2
import pandas as pd
import pytest

from training.data.labelled import labelled
from training.evaluate import elsewhere
from training.metrics.discrimination import wilson
from xray.analysis import Analyzer
from xray.errors import ManifestError
from xray.registry import Registry


@pytest.fixture
def hospital(tmp_path, radiograph):
    """A folder of class folders as people name them: 4 films each, a text file, and a file that is no picture."""
    for number, (name, label) in enumerate([("COVID-19", "covid"), ("Healthy", "normal"), ("PNEUMONIA", "pneumonia")]):
        (tmp_path / "films" / name / "deeper").mkdir(parents=True)
        for index in range(4):
            film = cv2.imencode(".png", radiograph(400, 380, 10 * number + index))[1]
            film.tofile(tmp_path / "films" / name / "deeper" / f"{label} {index}.png")
    (tmp_path / "films" / "COVID-19" / "notes.txt").write_text("not a picture")
    (tmp_path / "films" / "Healthy" / "broken.png").write_bytes(b"not a picture either")
    (tmp_path / "films" / "Lateral").mkdir()
    return tmp_path / "films"


@pytest.mark.parametrize(
    ("name", "label"),
    [("COVID-19", "covid"), ("covid_19", "covid"), ("No Finding", "normal"), ("NORMAL", "normal"), ("TB", "")],
)
def test_labels_go_by_the_names_that_people_give_them(name, label):
    assert elsewhere.label_of(name, Registry.load().heads["covid_normal"].facts) == label


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", "file,kind\na.png,covid\n", "received the columns file, kind"),
        ("gone.csv", "path,label\na.png,covid\nb.png,\n", "left: 1, file missing; left: 1, no label"),
        ("odd.csv", "path,label,split\na.png,covid,tets\n", "line 2.*received 'tets'"),
        ("empty.csv", "path,label\n", "no labelled radiograph"),
        ("nowhere", None, "received no folder"),
    ],
)
def test_what_cannot_be_used_says_what_was_expected(tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(ManifestError, match=words):
        labelled(tmp_path / name)


def test_the_report_counts_every_radiograph_and_leaves_out_what_was_refused(hospital, tmp_path, fewer_draws):
    words = {"patient_from": None, "model": [], "command": "test-elsewhere"}
    elsewhere.run(argparse.Namespace(source=hospital, output=tmp_path / "out", **words))
    models = json.loads((tmp_path / "out" / "report.json").read_text())["models"]
    found = models["covid_normal"]["external"]["covid"]
    assert (found["n"], found["positives"]) == (8, 4)
    assert sum(sum(counts.values()) for counts in models["covid_normal"]["verdicts"]["covid"].values()) == 8
    assert models["three_classes"]["external"].keys() == {"covid", "normal", "pneumonia", "mean"}
    assert models["findings"]["external"]["abnormal"]["positives"] == 8
    assert models["findings"]["external"]["bacterial"]["positives"] == 0, "nobody says which pneumonia it is"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "received a file that begins like none of them" in page and 'src="data:image/png' in page
    rows = pd.read_csv(tmp_path / "out" / "predictions.csv")
    analyzer = Analyzer.load()
    film = hospital / "COVID-19" / "deeper" / "covid 0.png"
    said = analyzer.analyse(film.read_bytes(), ["covid_normal"]).predictions[0]
    row = rows[rows.path == str(film)].iloc[0]
    assert row["covid_normal:covid"] == said.score and (rows.refusal.notna()).sum() == 1


def test_a_drop_lies_between_the_differences_of_the_intervals():
    """Newcombe's worked example (1998, table II, a): 56/70 less 48/80 is 0.2, 0.0524 to 0.3339."""
    inside, outside = ({"value": k / n, **wilson(k, n)._asdict()} for k, n in ((56, 70), (48, 80)))
    found = elsewhere.drop(inside, outside)
    assert found["value"] == pytest.approx(0.2)
    assert (found["low"], found["high"]) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert elsewhere.drop(None, outside) is None
    assert elsewhere.drop(inside, {"value": 1.0, "low": None, "high": None})["low"] is None
