"""Sources: radiographs are found wherever they are, each at an address that reads it."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from xray.archive import sources
from xray.archive.command import main
from xray.archive.worker import hashed

DICOM = bytes(128) + b"DICM"


def contents(source: str, column: str | None = None) -> list[str]:
    """Return the SHA-256 of each film found, "" for one that cannot be read."""
    return [hashed(address).sha256 for address in sources.find(source, column)]


@pytest.fixture
def expected(films: Path) -> list[str]:
    return [hashed(str(films / name)).sha256 for name in ("a.png", "b.png", "deeper/c.png")]


def test_a_folder_has_its_films_in_order_and_not_what_is_hidden(films: Path, expected: list[str]) -> None:
    assert contents(str(films)) == expected


def test_a_list_names_one_film_a_line(films: Path, expected: list[str]) -> None:
    names = films.parent / "list.txt"
    names.write_text(f"{films}/b.png\n\n{films}/missing.png\n", encoding="utf-8")
    assert contents(str(names)) == [expected[1], ""]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be"])
def test_a_list_may_be_written_on_windows(encoding: str, tmp_path: Path) -> None:
    names = ["/胸部/a.png", "/film \U0001fa7b.png", "s3://bucket/ü.png"]
    mark = "" if encoding == "utf-8-sig" else "\ufeff"
    (tmp_path / "list.txt").write_bytes((mark + "\r\n".join(names)).encode(encoding))
    assert list(sources.find(str(tmp_path / "list.txt"))) == names


def test_a_linked_folder_is_passed_over_and_that_is_said(films, expected, caplog):
    (films / "deeper" / "ring").symlink_to(films)
    (films / ".hidden").symlink_to(films)
    assert contents(str(films)) == expected
    assert [record.getMessage() for record in caplog.records] == [
        f"Links to folders were passed over, 1, such as {films}/deeper/ring: give those folders runs of their own.",
        f"Left out, as no radiographs that are read here: 1 other than pictures: {films}/notes.txt",
    ]


def test_dicom_is_found_whatever_its_name_ends_in(tmp_path: Path) -> None:
    names = ["1.2.840.113619.2831164097", "IMG.0001", "plain"]
    files = dict.fromkeys(names, DICOM) | dict.fromkeys(("notes.txt", "a.json", "b.csv", "README"), b"none")
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert list(sources.find(str(tmp_path))) == [str(tmp_path / name) for name in names]
    assert list(sources.find(str(tmp_path / "IMG.0001"))) == [str(tmp_path / "IMG.0001")]
    pytest.importorskip("fsspec")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    assert list(sources.find(f"{tmp_path}/x.zip")) == [f"zip://{name}::{tmp_path}/x.zip" for name in names]


def test_a_zip_a_tar_and_a_url_are_folders(films: Path, expected: list[str]) -> None:
    pytest.importorskip("fsspec")
    with zipfile.ZipFile(films.parent / "x.zip", "w") as packed:
        for path in films.rglob("*.*"):
            packed.write(path, path.relative_to(films))
    with tarfile.open(films.parent / "x.tar.gz", "w:gz") as packed:
        packed.add(films, "films")
    for source in (f"{films.parent}/x.zip", f"{films.parent}/x.tar.gz", f"local://{films}"):
        assert contents(source) == expected
    assert contents(f"local://{films}/b.png") == expected[1:2]


def _tar(path: Path, names: list[str]) -> bytes:
    """Pack files of 5,000 bytes, each the first letter of its name."""
    with tarfile.open(path, "w") as packed:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 5000
            packed.addfile(info, io.BytesIO(name[:1].encode() * 5000))
    return path.read_bytes()


WHOLE_TAR = {"cut short": lambda tar: tar[:3000], "no tar": lambda _: b"x" * 999}
WHOLE_TAR["header"] = lambda tar: tar[:5632] + b"x" * 512 + tar[6144:]


@pytest.mark.parametrize("damage", [*WHOLE_TAR, "no zip", "a film of no zip"])
def test_an_archive_that_is_damaged_as_a_whole_is_refused(damage, tmp_path, capsys):
    pytest.importorskip("fsspec")
    path = tmp_path / ("damaged.tar" if damage in WHOLE_TAR else "damaged.zip")
    path.write_bytes(WHOLE_TAR.get(damage, lambda _: b"none")(_tar(tmp_path / "x.tar", ["a.png", "b.png"])))
    source = f"zip://a.png::{path}" if damage == "a film of no zip" else str(path)
    assert main([source, str(tmp_path / "o.csv"), "--workers", "1"]) == 2
    said = capsys.readouterr().err
    words = ["not a zip"] if damage == "a film of no zip" else ["damaged", str(path)]
    assert all(word in said for word in words) and said.count("\n") == 1


@pytest.mark.parametrize("column", ["path", "film"])
def test_a_column_of_a_table_holds_addresses(column: str, films: Path, expected: list[str]) -> None:
    pandas, _ = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    table = pandas.DataFrame({column: [f"{films}/b.png", None], "age": [1, 2]})
    table.to_parquet(films.parent / "t.parquet")
    assert contents(f"{films.parent}/t.parquet", None if column == "path" else column) == expected[1:2]
    with pytest.raises(Exception, match=r"Expected a column other.*age"):
        contents(f"{films.parent}/t.parquet", "other")


@pytest.mark.parametrize(
    "named", ["/etc/passwd", "film.png", "file:///etc/passwd", "local:///etc/passwd", "zip://a.png::/home/me/x.zip"]
)
def test_a_list_from_elsewhere_names_no_path_of_this_machine_unless_allowed(named: str) -> None:
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://films.txt", "w") as file:
        file.write(f"s3://bucket/a.png\nzip://a.png::s3://bucket/x.zip\n{named}\n")
    found = sources.find("memory://films.txt")
    assert [next(found), next(found)] == ["s3://bucket/a.png", "zip://a.png::s3://bucket/x.zip"]
    with pytest.raises(sources.SourceError, match="--allow-local"):
        next(found)
    assert len(list(sources.find("memory://films.txt", allow_local=True))) == 3
