"""A user's own radiographs, from a folder or a table to a model that is served."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import pytest

pytest.importorskip("keras")

from tests.hostile.dicom_files import dicom  # noqa: E402
from training import config  # noqa: E402
from training.__main__ import main  # noqa: E402
from training.data import own  # noqa: E402
from training.evaluate import elsewhere, export, seen  # noqa: E402
from training.retraining import fine_tune, remove, retrain  # noqa: E402
from web.factory import create_app  # noqa: E402
from xray.errors import DatasetError, ManifestError  # noqa: E402
from xray.registry import Registry  # noqa: E402

PER_CLASS = 14


@pytest.fixture
def films(tmp_path: Path, radiograph: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two classes of drawn films in nested folders, one of them flat and darker; and files that are no radiographs."""
    for module in (own, seen):
        monkeypatch.setattr(module, "near_copies", lambda _: iter(()))  # drawn films are all alike
    for number, name in enumerate(("clear", "pneumonia")):
        folder = tmp_path / "films" / "mine" / name / "deeper"
        folder.mkdir(parents=True)
        for index in range(PER_CLASS):
            film = radiograph(400, 380, 100 * number + index)
            film = film if number else (film * 0.6).astype("uint8")
            suffix = (".png", ".jpg")[index % 2]
            cv2.imencode(suffix, film)[1].tofile(folder / f"{name} p{index // 2} {index}{suffix}")
    (tmp_path / "films/mine/clear/notes.txt").write_text("no radiograph")
    (tmp_path / "films/mine/clear/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return tmp_path / "films"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: None, fewer_draws: None) -> Path:
    """Folders for runs and models of this test alone; the published artefacts are links."""
    models, runs = tmp_path / "model", tmp_path / "runs"
    models.mkdir()
    for path in config.MODELS.iterdir():
        (models / path.name).symlink_to(path)
    for module in (remove, retrain, export, elsewhere):
        monkeypatch.setattr(module, "MODELS", models)
    for module in (remove, retrain, export, elsewhere, seen):
        monkeypatch.setattr(module, "RUNS", runs)
    return tmp_path


def test_from_a_folder_to_a_page_in_the_app_and_away_again(films, home, capsys, monkeypatch):
    monkeypatch.setattr(fine_tune, "EPOCHS", 1)
    words = ["retrain", str(films), "--name", "mine", "--patient-from", r"(\w+ p\d+) ", "--fine-tune"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "left: 1, no radiograph (other than pictures)" in said and "left: 1, not readable" in said
    assert (
        "Tells pneumonia from clear: too few test radiographs to tell how well" in said
        and "No operating point was chosen" in said
    )
    assert "With the backbone's last block trained too" in said and "is not served" in said
    assert "name no patient" not in said, "they were found in the paths"
    card = (home / "model/mine/README.md").read_text(encoding="utf-8")
    command = f"python -m training retrain {films} --name mine"
    assert command in card and "Licence of the radiographs, and so of the weights: not stated." in card
    for published in ("Kermany", "Cohen", "children", "siim", "COVID"):
        assert published not in card, "a private model's card speaks of its own data"
    report = (home / "runs/mine/report.html").read_text(encoding="utf-8")
    assert "python -m training retrain" in report and "ROC AUC" in report

    assert main(["retrain", str(films), "--name", "mine"]) == 2, "it is there already"
    assert main(["retrain", str(films), "--name", "mine", "--replace", "--labels", "effusion,clear"]) == 2
    assert (home / "runs/mine/report.html").is_file(), "what was there before stays where a run fails"
    capsys.readouterr()
    _every_score_is_open(home)
    assert main(["test-elsewhere", str(films), "--model", "mine", "--output", str(home / "out")]) == 0
    assert "24 of 29 films were trained on: figures without them." in capsys.readouterr().out
    assert main(["remove", "mine"]) == 0
    assert not (home / "model/mine").exists() and not (home / "runs/mine").exists()
    assert main(["remove", "covid_normal"]) == 2, "that one is not the user's"


def _every_score_is_open(home: Path) -> None:
    """The app serves the model under the user's own words, without verdicts."""
    settings = {"TESTING": True, "INSTANCE_DIR": str(home / "instance"), "ANALYSIS_DIR": str(home / "copies")}
    app = create_app(settings, registry=Registry.load(home / "model"))
    page = app.test_client().get("/models/mine", headers={"Accept-Language": "de"}).get_data(as_text=True)
    assert (
        "pneumonia" in page
        and "andere Pneumonie" not in page
        and "other pneumonia" not in page
        and "Published radiographs" not in page
    )
    head = json.loads((home / "model/mine/metadata.json").read_text())
    assert {point["positive_from"] for point in head["points"]} == {1.0}
    assert "manifest" not in head["training"], "where the films lie is nobody's business"


def table(home: Path, films: Path, *more: str) -> Path:
    """Write a table of findings: each film of one class shows a, some b too; the others show neither."""
    paths = sorted(films.rglob("deeper/*"))
    labels = ["a|b" if i % 2 else "a" if i < PER_CLASS else "none" for i in range(len(paths))]
    rows = [
        f"{path.relative_to(home)};{label};P{i // 2}" for i, (path, label) in enumerate(zip(paths, labels, strict=True))
    ]
    (home / "table.csv").write_text("\n".join(["File;Diagnosis;Patient", *rows, *more]), encoding="utf-8")
    return home / "table.csv"


def test_a_table_may_name_several_findings_of_a_film(films: Path, tmp_path: Path) -> None:
    source = table(tmp_path, films, "gone.png;a;P1", f"{films.relative_to(tmp_path)};;P2")
    found = own.collect(source, "", ["a", "b"], 1)
    assert found.labels == ("a", "b") and not found.exclusive
    assert found.showing("a") == ("a", "a|b") and found.others == (own.NONE_OF_THESE,)
    assert found.left == {"file missing": 1, "no label": 1}
    splits: dict[str, set[str]] = {}
    for row in found.rows:
        splits.setdefault(row.patient_id, set()).add(row.split)
    assert all(len(of) == 1 for of in splits.values()), "a patient stands on one side"


def test_a_file_that_stands_twice_is_taken_once_and_under_two_labels_not_at_all(films: Path) -> None:
    first, second, third = sorted((films / "mine/clear/deeper").iterdir())[:3]
    shutil.copy(first, first.with_name("again.png"))
    shutil.copy(second, films / "mine/pneumonia")
    found = own.collect(films, "", [], 1)
    assert found.left["the same file again"] == 1 and found.left[own.TWICE] == 2
    assert third.name in {Path(row.path).name for row in found.rows}


def test_dicom_headers_keep_patients_together_and_are_forgotten(tmp_path: Path, radiograph: Any) -> None:
    for number, name in enumerate(("ill", "well")):
        (tmp_path / "films" / name).mkdir(parents=True)
        for index in range(PER_CLASS):
            content = dicom(radiograph(400, 380, 100 * number + index))
            content = content.replace(b"4711", b"%04d" % (1000 + 100 * number + index // 2))
            (tmp_path / "films" / name / f"IM{index}").write_bytes(content)
    found = own.collect(tmp_path / "films", "", [], 1)
    assert any("patients: of 28 radiographs from PatientID" in line for line in found.lines)
    assert len({row.patient_id for row in found.rows}) == PER_CLASS
    assert not re.search(r"\b1[01]\d\d\b|DOE", " ".join(map(str, found.rows))), "no identifier of a patient is kept"


def split_table(films: Path, splits: list[str]) -> Path:
    """Write a table of the films, with the splits that the user chose."""
    rows = [
        f"{path},{path.parent.parent.name},{splits[i % len(splits)]}"
        for i, path in enumerate(sorted(films.rglob("deeper/*")))
    ]
    table = films / "splits.csv"
    table.write_text("\n".join(["path,label,split", *rows]), encoding="utf-8")
    return table


def test_a_split_that_the_user_left_out_is_taken_from_train(films: Path) -> None:
    found = own.collect(split_table(films, ["train", "train", "train", "test"]), "", [], 1)
    assert {row.split for row in found.rows} == {"train", "val", "test"}
    assert all(row.split == "test" for row in found.rows if row.upstream_split == "test")
    assert "splits: yours name no val, so a fifth of train was taken for each" in found.lines
    with pytest.raises(ManifestError, match="some radiographs in train"):
        own.collect(split_table(films, ["val", "test"]), "", [], 1)


def test_what_no_radiograph_is_left_of_is_said_with_the_reason(films: Path) -> None:
    for path in (films / "mine/clear/deeper").iterdir():
        path.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(ManifestError, match=r"radiographs of clear. Received none .*not readable") as refused:
        own.collect(films, "", [], 1)
    assert "--source" not in str(refused.value)


@pytest.mark.parametrize(
    ("labels", "patient", "words"),
    [
        (["effusion"], "", "out of clear, pneumonia"),
        (["clear"], "", "two to 8 labels"),
        ([], "patient-(\\d+)", "is neither: it finds none"),
        ([], "(", "regular expression"),
    ],
)
def test_what_cannot_be_learned_says_what_there_is(films: Path, labels: list[str], patient: str, words: str) -> None:
    with pytest.raises(ManifestError, match=words):
        own.collect(films, patient, labels, 1)


@pytest.mark.parametrize(("name", "words"), [("Mine!", "small letters"), ("covid_normal", "of its own")])
def test_a_name_that_cannot_be_had_is_refused(name: str, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        retrain.check_name(name)


def test_any_setting_can_be_overridden() -> None:
    found = retrain.settings(["regularisation=0.5", "title=My own", "recipe.size=96"])
    assert (found["regularisation"], found["title"], found["recipe"]) == (0.5, "My own", {"size": 96})
    with pytest.raises(DatasetError, match="key=value"):
        retrain.settings(["regularisation"])
