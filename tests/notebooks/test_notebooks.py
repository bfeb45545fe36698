"""The notebooks run from top to bottom, on real films where there are any, and are stored without what they showed."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from notebooks.strip import stripped
from training.config import data_root
from training.data.manifest import MANIFEST

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
# Films of each class and source: as few as leave both classes in every split.
SAMPLE = "10"
# What a slow machine says of how far it is.
PROGRESS = re.compile(r"(\w+: \d+ of \d+, about .+ left\n)+")


def stored(name: str) -> nbformat.NotebookNode:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_stored_without_what_it_showed_and_says_first_that_it_is_no_diagnosis(name: str) -> None:
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert text == stripped(text), "run `python -m notebooks.strip`"
    assert len(text) < 25_000 and "base64" not in text and "<img" not in text
    nbformat.validate(stored(name))
    assert "For education and research, never for diagnosis." in stored(name).cells[0].source


def test_stripping_takes_out_films_and_the_notes_of_editors() -> None:
    notebook = stored(NAMES[0])
    bare = nbformat.writes(notebook, version=4) + "\n"
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    cell.outputs = [nbformat.v4.new_output("display_data", {"image/png": "iVBORw0KGgo="})]
    cell.execution_count, cell.metadata.collapsed = 7, True
    notebook.cells[0].attachments = {"film.png": {"image/png": "iVBORw0KGgo="}}
    notebook.metadata.language_info.version = "3.11.7"
    assert stripped(nbformat.writes(notebook, version=4)) == bare


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_to_its_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XRAY_NOTEBOOK_SAMPLE", SAMPLE)
    notebook = stored(name)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(FOLDER)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    pictures = [output for output in outputs if {"image/png", "image/jpeg"} & set(output.get("data", {}))]
    said = "".join(output.get("text", "") for output in outputs)
    assert len(pictures) >= 2, "a learner sees nothing"
    assert ("stand-ins" in said) != (MANIFEST.is_file() or (data_root() / "manifest.csv").is_file())
    warned = [output.text for output in outputs if output.get("name") == "stderr"]
    assert not [text for text in warned if not PROGRESS.fullmatch(text)], "a warning on the page"
