"""The notebooks' sample: real films with the splits that they have, or stand-ins that say so."""

import pytest

from notebooks import films
from training.data import manifest


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(films, "FOLDER", tmp_path / "notebooks")


@pytest.fixture
def table(tmp_path):
    """The path of a manifest of 72 stand-ins, kept apart from what a test samples."""
    made = films.sample(6, table=tmp_path / "none.csv", data=tmp_path / "nowhere")
    manifest.write(manifest.read(made), tmp_path / "table.csv", manifest.root(made))
    return tmp_path / "table.csv"


def test_without_radiographs_there_are_stand_ins_that_say_so(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    path = films.sample(4, table=tmp_path / "none.csv", data=tmp_path / "nowhere")
    assert "stand-ins" in capsys.readouterr().out
    rows = manifest.read(path)
    cells = {(row.label, row.source, row.split) for row in rows}
    assert len(cells) == 3 * 2 * 4, "each class of each source in each split"
    assert len({row.sha256 for row in rows}) == len(rows)
    assert all((manifest.root(path) / name).is_file() for row in rows for name in (row.path, row.mask))


def test_a_sample_keeps_each_film_in_its_split(table) -> None:
    path = films.sample(2, table=table)
    splits = {row.path: row.split for row in manifest.read(table)}
    rows = manifest.read(path)
    assert 0 < len(rows) < len(splits) and {row.split for row in rows} == set(splits.values())
    assert all(splits[row.path] == row.split for row in rows)
    assert manifest.root(path) == manifest.root(table)
