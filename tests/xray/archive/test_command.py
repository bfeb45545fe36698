"""Command line of archives: what it needs, and what it refuses in one line."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from unittest.mock import MagicMock

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
    ("package", "arguments"),
    [("pyarrow", ["{films}", "out"]), ("fsspec", ["{films}/x.zip", "o.csv"]),
     ("ray", ["{films}", "o.csv", "--engine", "ray"])],
)  # fmt: skip
def test_a_missing_package_is_named_with_what_installs_it(
    package: str, arguments: list[str], films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (films / "x.zip").write_bytes(b"")
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    for ours in ("parquet", "ray_engine"):
        monkeypatch.delitem(sys.modules, f"xray.archive.{ours}", raising=False)
        monkeypatch.delattr(f"xray.archive.{ours}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    assert main([each.format(films=films) for each in arguments]) == 2
    said = capsys.readouterr().err
    assert package in said and "uv sync --frozen --extra archive" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nowhere", "o.csv"], "nowhere"), (["a.doc", "o.csv"], "Expected a folder"),
     ([".", "other.csv"], "other.csv"), ([".", "o.csv", "--model", "covid"], "covid_normal"),
     ([".", "o.csv", "--workers", "0"], "--workers")],
)  # fmt: skip
def test_what_cannot_be_done_is_said(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.doc").write_bytes(b"")
    Path("other.csv").write_text("name\nvalue\n", encoding="utf-8")
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
    assert Path("other.csv").read_text(encoding="utf-8") == "name\nvalue\n"


def test_a_full_disk_of_temporary_files_is_said(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = MagicMock(side_effect=sqlite3.OperationalError("database or disk is full"))
    monkeypatch.setattr("xray.archive.command.run", full)
    assert main([str(films), str(tmp_path / "o.csv")]) == 2
    said = capsys.readouterr().err
    assert "disk is full" in said and "SQLITE_TMPDIR" in said


def test_a_source_with_no_film_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Such as the empty folder where a disk should be."""
    source, table = tmp_path / "films", tmp_path / "o.csv"
    source.mkdir()
    (source / "notes.txt").write_text("\n", encoding="utf-8")
    for each in (source, source / "notes.txt"):
        assert main([str(each), str(table)]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and f"Expected films in {each}. Received none" in said
    assert not table.exists()


@pytest.mark.parametrize("option", ["--masks", "--heat-maps"])
@pytest.mark.parametrize(("place", "around"), [("films/m", "SOURCE"), ("link", "SOURCE"), ("out/m", "DESTINATION")])
def test_pictures_are_not_written_where_the_next_run_reads(
    option: str, place: str, around: str, films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "link").symlink_to(films / "deeper")
    assert main([str(films), str(tmp_path / "out"), option, str(tmp_path / place)]) == 2
    assert f"Expected {option} outside {around}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists() and not (films / "m").exists()


def test_results_are_not_written_into_the_tables_that_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "tables").mkdir()
    assert main([f"{tmp_path}/tables", f"{tmp_path}/tables/out", "--column", "path"]) == 2
    assert "Expected DESTINATION outside SOURCE" in capsys.readouterr().err
