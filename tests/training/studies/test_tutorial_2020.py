"""Rerun of the two-model tutorial: its radiographs, its heads, its figures, and what is wrong with them."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from training import cache
from training.config import CONFIGS, load
from training.studies.tutorial_2020 import images, report, rerun
from training.studies.tutorial_2020.heads import Tutorial
from xray.errors import ManifestError

MARCH = "6C94A287-C059-46A0-8600-AFB95F4727B7"
TABLE = ["patientid,finding,view,modality,age,filename", f"1,COVID-19,PA,X-ray,70,{MARCH}.jpg"]
TABLE += [f"{1 + number // 2},COVID-19,PA,X-ray,{40 + number},c{number}.jpg" for number in range(10)]
TABLE += ["90,COVID-19,AP,X-ray,50,ap.jpg", "91,SARS,PA,X-ray,50,sars.jpg", "92,COVID-19,PA,CT,50,ct.jpg"]
LISTED = ("covid_validation/x.jpg", "normal_validation/IM-0001-0001.jpeg", "person1_virus_1.jpeg")


@pytest.fixture(scope="module")
def layout(tmp_path_factory, radiograph):
    """The tutorial's layout, small: 11 PA films of COVID-19 of 5 patients, 12 + 6 children of each class."""
    home, seed = tmp_path_factory.mktemp("tutorial") / "input", iter(range(1000))
    images = home / "10_Covid_Images" / "images"
    images.mkdir(parents=True)
    (home / "10_Covid_Images" / "metadata.csv").write_text("\n".join(TABLE))
    for line in TABLE[1:]:
        draw(images / line.split(",")[-1], radiograph(120, 150, next(seed)))
    for folder, start, count in (("train", 1, 12), ("test", 50, 6)):
        for number in range(start, start + count):
            normal = home / "20_Chest_Xray" / folder / "NORMAL" / f"IM-{number:04}-0001.jpg"
            ill = home / "20_Chest_Xray" / folder / "PNEUMONIA" / f"person{number}_virus_{number}.jpg"
            for path in (normal, ill):
                path.parent.mkdir(parents=True, exist_ok=True)
                # Children's films are brighter: the border tells the class.
                draw(path, np.maximum(radiograph(96, 96, next(seed)), 110))
    return home


def draw(path, picture):
    cv2.imencode(".jpg", picture)[1].tofile(path)


@pytest.fixture(scope="module")
def radiographs(layout):
    with pytest.MonkeyPatch.context() as patch:
        # Drawn radiographs are all alike.
        patch.setattr(images, "near_copies", lambda thumbnails: ())
        patch.setattr(images, "FOLDER", layout.parent / "articles")
        patch.setattr(cache, "FOLDER", layout.parent / "cache")
        return images.read(layout, 42, LISTED)


@pytest.fixture
def tutorial():
    return load(CONFIGS / "articles.toml", Tutorial)


def names(radiographs, part):
    return [row.original_filename for row in radiographs.rows(radiographs.parts[part])]


def test_radiographs_are_taken_as_the_tutorial_takes_them(radiographs):
    assert names(radiographs, "covid_validation") == [f"{MARCH}.jpg"]
    covid = [f"c{number}.jpg" for number in range(10)]
    assert names(radiographs, "covid") == covid, "neither AP, CT, SARS nor March 2020"
    assert len(set(names(radiographs, "normal"))) == len(set(names(radiographs, "pneumonia"))) == 10
    assert names(radiographs, "normal_validation") == ["IM-0001-0001.jpg"]
    assert len(radiographs.parts["normal_test"]) == len(radiographs.parts["pneumonia_test"]) == 6
    assert radiographs.crops.images.shape[1:] == (224, 224)


def test_without_the_layout_it_says_what_was_expected(tmp_path):
    with pytest.raises(ManifestError, match="expected 10_Covid_Images/ and 20_Chest_Xray/"):
        images.find_layout(tmp_path)


def test_no_lung_baselines_learn_from_the_training_radiographs_alone(radiographs):
    noise = np.random.default_rng(0).integers(0, 256, radiographs.blind.shape, np.uint8)
    covid, normal = radiographs.parts["covid"], radiographs.parts["normal"]
    train, test = (np.concatenate([covid[part], normal[part]]) for part in (slice(6), slice(6, None)))
    found = rerun.blind_tables(replace(radiographs, blind=noise), train, {"known": train, "test": test})
    right = {part: ((t.y_score >= 0.5) == (t.y_true == 1)).mean() for part, t in found["border_only"].items()}
    assert right["known"] == 1 > right["test"]


def test_the_tutorial_runs_to_its_end(
    radiographs, layout, tmp_path, monkeypatch, capsys, tutorial, fewer_draws, step, brightness_backbone
):
    small = replace(tutorial, sets=tutorial.sets[1::2], copies=1, folds=2, other_seeds=())
    small = replace(small, sets=tuple(replace(each, epochs=3, learning_rate=0.01, batch=4) for each in small.sets))
    monkeypatch.setattr(images, "read", lambda *_: radiographs)
    monkeypatch.setattr(report, "load", lambda path, kind: small)
    output = tmp_path / "out"
    step(report, "--input", layout, "--output", output)
    said = capsys.readouterr().out
    assert "| 24 of 234: 0.103 [0.070, 0.148] |" in said and "| 185 of 390: 0.474" in said
    found = json.loads((output / "report.json").read_text())
    numbers = {row["what"]: row for row in found["numbers"]}
    called = numbers["Model 1: normal, test folder, called COVID-19"]
    assert called["article"]["count"] == 24 and called["ours"]["n"] == called["patients"] == 6
    assert 0 <= called["ours"]["low"] < called["ours"]["high"] <= 1
    assert "The border alone reaches" in numbers["Model 1, second: test, accuracy"]["wrong"]
    assert numbers[f"Model 2: the radiograph {MARCH}, score"]["article"] == {"value": 0.96}
    assert found["apart"]["covid_normal_second"]["network"]["n"] == 20
    assert found["counted"]["covid_normal_second"]["no_lung"]["border_only"]["accuracy"]["value"] == 1
    html = (output / "report.html").read_text()
    assert html.count("data:image/png;base64,") == 8 and "Every number, beside ours" in html
    assert 'src="http' not in html and "<script" not in html
