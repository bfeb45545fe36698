"""Command line of archives: what it needs, and what it refuses in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from xray.archive.command import main

ROOT = Path(__file__).resolve().parents[3]


def test_a_folder_becomes_a_table_without_the_optional_packages(films: Path, tmp_path: Path) -> None:
    """As with requirements.txt alone."""
    (tmp_path / "alone.py").write_text(
        "import sys\n"
        "if __name__ == '__main__':\n"
        "    sys.modules.update(dict.fromkeys(('ray', 'pyarrow', 'fsspec')))\n"
        "    from xray.archive.command import main\n"
        "    sys.exit(main(sys.argv[1:]))\n",
        encoding="utf-8",
    )
    command = [sys.executable, str(tmp_path / "alone.py"), str(films), str(tmp_path / "out.csv"), "--workers", "1"]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "judged 3 of 3 films" in done.stderr
    assert len((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()) == 1 + 9


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nowhere", "o.csv"], "nowhere"), (["a.doc", "o.csv"], "Expected a folder"),
     ([".", "other.csv"], "other.csv"), ([".", "o.csv", "--model", "covid"], "covid_normal"),
     ([".", "o.csv", "--workers", "0"], "--workers")],
)  # fmt: skip
def test_what_cannot_be_done_is_said(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("a.doc").write_bytes(b"")
    Path("other.csv").write_text("name\nvalue\n", encoding="utf-8")
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
    assert Path("other.csv").read_text(encoding="utf-8") == "name\nvalue\n"


@pytest.mark.parametrize("option", ["--masks", "--heat-maps"])
@pytest.mark.parametrize(("place", "around"), [("films/m", "SOURCE"), ("link", "SOURCE"), ("out/m", "DESTINATION")])
def test_pictures_are_not_written_where_the_next_run_reads(option, place, around, films, tmp_path, capsys):
    (tmp_path / "link").symlink_to(films / "deeper")
    assert main([str(films), str(tmp_path / "out"), option, str(tmp_path / place)]) == 2
    assert f"Expected {option} outside {around}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists() and not (films / "m").exists()
