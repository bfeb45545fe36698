"""Remove outputs from the notebooks before they are committed: `python -m notebooks.strip`.

A notebook that was run holds patients' radiographs. Execution counts and the editor's metadata go too, so that diffs
can be read.
"""

from pathlib import Path

import nbformat

FOLDER = Path(__file__).resolve().parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def stripped(text: str) -> str:
    """Return a notebook file's text as it is to be stored."""
    notebook = nbformat.reads(text, as_version=4)
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nbformat.writes(notebook, version=4) + "\n"


def main() -> None:
    """Strip all notebooks of this folder."""
    for path in sorted(FOLDER.glob("*.ipynb")):
        text = path.read_text(encoding="utf-8")
        if (bare := stripped(text)) != text:
            path.write_text(bare, encoding="utf-8")
            print(f"{path.name}: stripped")


if __name__ == "__main__":
    main()
