"""The notebooks run from top to bottom, on real films where there are any, and are stored without what they showed."""

import json
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
NAMES = ("10_covid_normal", "20_covid_pneumo", "30_detection_app", "40_explore", "50_segmentation")
# Films of each class and source: as few as leave both classes in every split.
SAMPLE = "10"


def stored(name: str) -> nbformat.NotebookNode:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def test_these_are_all_the_notebooks() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_a_notebook_showed_is_stored(name: str) -> None:
    notebook = stored(name)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None and not cell.metadata
        assert "attachments" not in cell and "base64" not in cell.source and "<img" not in cell.source
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_written_so_that_its_changes_can_be_read(name: str) -> None:
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"
    notebook = stored(name)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    # Names, not the random ids that editors give to new cells.
    assert all(any(vowel in cell.id for vowel in "aeiou") and len(cell.id) < 20 for cell in notebook.cells)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_says_first_that_it_is_no_diagnosis(name: str) -> None:
    assert "For education and research, never for diagnosis." in stored(name).cells[0].source


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_to_its_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XRAY_NOTEBOOK_SAMPLE", SAMPLE)
    notebook = stored(name)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(FOLDER)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    said = "".join(output.get("text", "") for output in outputs)
    assert len(pictures) >= 3, "a learner sees nothing"
    data = Path(os.environ.get("XRAY_DATA", ROOT.parent / "shared" / "data"))
    assert ("stand-ins" in said) != ((ROOT / "data" / "manifest.csv").is_file() or data.is_dir())
    assert not [output for output in outputs if output.get("name") == "stderr"], "a warning on the page"
