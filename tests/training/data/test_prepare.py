"""From small folders of made-up films to the manifest."""

import csv
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from training.__main__ import main as training
from training.data import prepare as step
from training.data.duplicates import near_copies, thumbnail
from training.data.manifest import Row, read

JPEG = (cv2.IMWRITE_JPEG_QUALITY, 40)
MARCH = "2966893D-5DDF-4B68-9E2B-4979D5956C8E"
TABLE = ("path", "sha256", "label", "source", "patient_id", "view", "modality", "rovai_validation")


Captured = pytest.CaptureFixture[str]


def film(seed: int, side: int = 224) -> NDArray[np.uint8]:
    """A made-up film: the broad shading that all share, and fine structure of its own."""
    y, x = np.mgrid[0:side, 0:side] / side
    lungs = sum(np.exp(-(((x - c) / 0.13) ** 2) - ((y - 0.5) / 0.3) ** 2) for c in (0.28, 0.72))
    own = np.random.default_rng(seed).standard_normal((24, 24))
    fine = cv2.resize(own, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(190 - 130 * lungs + 20 * fine, 0, 255).astype(np.uint8)


def save(path: Path, image: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
    return path


def prepare(tmp_path: Path, *sources: Path, seed: int = 42) -> list[Row]:
    output = tmp_path / "out" / "manifest.csv"
    return step.prepare(sources, output, tmp_path / "dataset_validation", seed)


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    """The articles' layout: 12 COVID patients, 30 + 30 children, and what the filter leaves out."""
    home = tmp_path / "input"
    covid = [(f"{n}", "COVID-19", "PA", "X-ray", f"film-{n}.png") for n in range(11)]
    covid += [("11", "Pneumonia/Viral/COVID-19", "PA", "X-ray", f"{MARCH}.jpeg")]
    left = [
        ("20", "COVID-19", "AP", "X-ray", "ap.png"),
        ("21", "COVID-19", "L", "X-ray", "lateral.png"),
        ("22", "COVID-19", "Axial", "CT", "ct.png"),
        ("23", "SARS", "PA", "X-ray", "sars.png"),
        ("24", "COVID-19", "PA", "X-ray", "absent.png"),
    ]
    for seed, (*_, name) in enumerate(covid + left[:-1]):
        save(home / "10_Covid_Images" / "images" / name, film(seed))
    with (home / "10_Covid_Images" / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("patientid", "finding", "view", "modality", "filename"), *covid, *left])
    children = home / "20_Chest_Xray"
    for n in range(30):
        part = "test" if n < 5 else "train"
        save(children / part / "NORMAL" / f"NORMAL2-IM-{n:04}-0001.jpeg", film(100 + n))
        save(children / part / "PNEUMONIA" / f"person{n}_virus_{n}.jpeg", film(200 + n))
    save(children / "train" / "PNEUMONIA" / "person0_bacteria_9.jpeg", film(300))  # also in the test part
    return home


def table(folder: Path, rows: list[tuple[str, ...]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([TABLE, *rows])
    return folder


def test_articles_layout(articles: Path, tmp_path: Path, capsys: Captured) -> None:
    rows = prepare(tmp_path, articles)
    assert Counter(row.label for row in rows) == {"covid": 12, "normal": 30, "pneumonia": 31}
    said = capsys.readouterr().out
    for reason in ("not PA", "not an X-ray", "not COVID-19", "file missing"):
        assert reason in said
    by_name = {row.original_filename: row for row in rows}
    assert by_name[f"{MARCH}.jpeg"].split == "held_out"
    assert by_name["person0_bacteria_9.jpeg"].split == "test", "its patient is in the published test part"
    assert {row.split for row in rows if row.upstream_split == "test"} == {"test"}
    laid = Counter(path.parent.name for path in (tmp_path / "dataset_validation").glob("*/*"))
    assert laid == {"covid_validation": 1, "normal_validation": 2, "non_covid_pneumonia_validation": 2}
    assert read(tmp_path / "out" / "manifest.csv") == rows


def test_radiography_layout(tmp_path: Path, capsys: Captured) -> None:
    home = tmp_path / "database"
    names = ("COVID/images/COVID-1", "Normal/images/Normal-1", "Lung_Opacity/images/Lung_Opacity-1")
    for seed, name in enumerate(names):
        save(home / f"{name}.png", film(seed))
    save(home / "Viral Pneumonia" / "Viral Pneumonia-1.png", film(3))
    save(home / "COVID" / "masks" / "COVID-1.png", film(4))
    rows = prepare(tmp_path, home)
    assert {(row.source, row.label, row.mask) for row in rows} == {
        ("radiography-covid", "covid", "COVID/masks/COVID-1.png"),
        ("radiography-rsna", "normal", ""),
        ("radiography-viral", "pneumonia", ""),
    }
    assert "lung opacity" in capsys.readouterr().out


def test_neighbouring_covid_numbers_share_a_split(tmp_path: Path) -> None:
    for n in range(40):
        save(tmp_path / "database" / "COVID" / f"COVID-{n}.png", film(n))
    rows = prepare(tmp_path, tmp_path / "database")
    tens = {(int(row.patient_id.rsplit("-", 1)[1]) // 10, row.split) for row in rows}
    assert len(tens) == 4


def test_table_layout(tmp_path: Path, capsys: Captured) -> None:
    rows = [
        ("held.png", "", "covid", "cohen", "cohen-1", "PA", "X-ray", "1"),
        ("sister.png", "", "covid", "cohen", "cohen-1", "AP", "X-ray", "0"),
        ("side.png", "", "covid", "cohen", "cohen-2", "L", "X-ray", "0"),
        ("other.png", "", "atypical", "siim", "siim-1", "", "X-ray", "0"),
        ("nobody_says.png", "", "unlabelled", "cohen", "cohen-9", "", "X-ray", "0"),
        ("slice.png", "", "ct", "cohen", "cohen-3", "Axial", "CT", "0"),
        ("gone.png", "", "normal", "nih", "nih-1", "PA", "X-ray", "0"),
        ("broken.png", "", "normal", "nih", "nih-2", "PA", "X-ray", "0"),
        ("changed.png", "00", "normal", "nih", "nih-3", "PA", "X-ray", "0"),
    ]
    home = table(tmp_path / "data", rows)
    for seed, (name, *_) in enumerate(rows):
        if name != "gone.png":
            save(home / name, film(seed))
    (home / "broken.png").write_bytes(b"not a picture")
    splits = {row.path: row.split for row in prepare(tmp_path, home)}
    assert splits == {
        "held.png": "held_out", "sister.png": "held_out", "other.png": "train", "nobody_says.png": "train",
    }  # fmt: skip

    said = capsys.readouterr().out
    for reason in ("not a frontal", "file missing", "not readable", "other bytes"):
        assert reason in said
    laid = [path.name for path in (tmp_path / "dataset_validation").glob("*/*")]
    assert laid == ["held.png"], "only the validation picture itself, not its patient's others"


def test_copy_of_a_full_size_validation_file_is_held_out(tmp_path: Path) -> None:
    save(tmp_path / "dataset_validation" / "covid_validation" / "full.png", film(1, side=700))
    save(tmp_path / "database" / "COVID" / "COVID-1.png", film(1, side=299))
    save(tmp_path / "database" / "COVID" / "COVID-99.png", film(2, side=299))
    assert [row.split for row in prepare(tmp_path, tmp_path / "database")] == ["held_out", "train"]


def test_copies_in_two_sources_share_a_group(articles: Path, tmp_path: Path) -> None:
    copy = cv2.resize(film(7), (150, 140), interpolation=cv2.INTER_AREA)
    save(tmp_path / "database" / "COVID" / "COVID-1.png", copy)
    rows = {row.original_filename: row for row in prepare(tmp_path, articles, tmp_path / "database")}
    assert rows["COVID-1.png"].group == rows["film-7.png"].group != rows["film-8.png"].group
    assert rows["COVID-1.png"].path == "database/COVID/COVID-1.png", "below the root that both folders share"


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("re-encoded", lambda f: cv2.imdecode(cv2.imencode(".jpg", f, JPEG)[1], 0), True),
        ("smaller", lambda f: cv2.resize(f, (97, 131), interpolation=cv2.INTER_AREA), True),
        ("another window", lambda f: cv2.convertScaleAbs(f, alpha=0.7, beta=50), True),
        ("an arrow drawn in", lambda f: cv2.arrowedLine(f.copy(), (20, 20), (70, 80), 255, 3), True),
        ("another patient, same shading", lambda f: film(2), False),
        ("mirrored", lambda f: cv2.flip(f, 1), False),
        ("blank", lambda f: np.zeros_like(f), False),
    ],
)
def test_near_copies(name: str, change: object, expected: bool) -> None:
    picture = film(1)
    pairs = list(near_copies(np.stack([thumbnail(picture), thumbnail(change(picture))])))  # type: ignore[operator]
    assert pairs == ([(0, 1)] if expected else []), name


def test_warns_where_source_and_class_coincide(articles: Path, tmp_path: Path, capsys: Captured) -> None:
    prepare(tmp_path, articles)
    said = capsys.readouterr().out
    assert "cohen has only the class covid" in said
    assert "normal comes only from kermany" in said
    assert step.LESSON in said


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        (None, "no such folder"),
        ({}, "an empty folder"),
        ({"notes.txt": "x"}, "notes.txt"),
        ({"10_Covid_Images/images/a.png": "x"}, "metadata.csv"),
        ({"10_Covid_Images/metadata.csv": "filename,finding\n"}, "modality, patientid, view"),
        ({"COVID/COVID-1.png": "x"}, "not readable"),
    ],
)
def test_says_what_it_expected(tmp_path: Path, capsys: Captured, inside: dict[str, str] | None, message: str) -> None:
    home = tmp_path / "input"
    if inside is not None:
        home.mkdir()
    for name, text in (inside or {}).items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    output, validation = str(tmp_path / "m.csv"), str(tmp_path / "validation")
    assert training(["prepare", "--source", str(home), "--output", output, "--validation", validation]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "expected" in said
    assert not (tmp_path / "m.csv").exists()
