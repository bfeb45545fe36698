"""Archives are unpacked whole, inside their folder, or not at all."""

import stat
import struct
from zipfile import ZipInfo

import pytest
from msgspec.structs import replace

from tests.training.data.download.publisher import zipped
from training.data.download.unpack import UnusableArchive, unpack


@pytest.fixture
def open_up(tmp_path, children):
    """Write an archive and unpack it into `in/20_Chest_Xray`."""

    def run(data: bytes):
        archive, folder = tmp_path / "a.zip", tmp_path / "in" / "20_Chest_Xray"
        archive.write_bytes(data)
        return unpack(archive, children[1], folder)

    (tmp_path / "in").mkdir()
    return run


def below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_folder_that_is_meant_lands_without_what_is_around_it(open_up, films, tmp_path):
    half = tmp_path / "in" / "20_Chest_Xray.part" / "train"
    half.mkdir(parents=True)
    (half / "left_by_a_killed_run.png").write_bytes(b"x")
    assert open_up(zipped(films)) == 4
    assert below(tmp_path / "in") == [
        "20_Chest_Xray/test/NORMAL/IM-0002-0001.png", "20_Chest_Xray/test/PNEUMONIA/person3_virus_1.png",
        "20_Chest_Xray/train/NORMAL/IM-0000-0001.png", "20_Chest_Xray/train/PNEUMONIA/person1_virus_1.png",
    ]  # fmt: skip


def leading_out(films, name):
    return zipped(films | {name: b"x"})


def with_link(films):
    link = ZipInfo("chest_xray/train/passwd")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped(films | {link: b"/etc/passwd"})


def corrupted(films):
    data = bytearray(zipped(films))
    data[2000] ^= 255
    return bytes(data)


def bomb(films):
    return zipped(films | {"chest_xray/train/bomb": bytes(4_000_000)})


def bomb_that_says_it_is_small(films):
    data = bytearray(bomb(films))
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 24, 1000)
    return bytes(data)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda films: leading_out(films, "chest_xray/train/../../../../out.png"), "leads out"),
        (lambda films: leading_out(films, "C:\\out.png"), "leads out"),
        (with_link, "a link"),
        (corrupted, "a damaged one"),
        (lambda films: b"no zip", "a damaged one"),
        (bomb, "not the archive that is known"),
        (bomb_that_says_it_is_small, "a damaged one"),
        (lambda films: zipped({"data/train/film.png": b"x"}), "expected train/NORMAL.* in one folder.*Received data"),
        (lambda films: zipped({}), "Received no files"),
        (lambda films: zipped(films | {"chest_xray/train": b"a file where a folder is"}), "a damaged one"),
    ],
    ids=["up", "drive", "link", "corrupt", "no zip", "bomb", "liar", "other folders", "empty", "clash"],
)
def test_what_cannot_be_trusted_leaves_nothing(open_up, films, tmp_path, make, says):
    with pytest.raises(UnusableArchive, match=says):
        open_up(make(films))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.zip", "in"]


def test_only_what_is_wanted_of_a_repository_is_taken(tmp_path, children):
    """Cohen's collection is a git repository with much beside the pictures."""
    files = {f"collection-6a42/{name}": b"x" for name in ("metadata.csv", "images/a.jpg", "volumes/b.nii.gz", "README")}
    (tmp_path / "a.zip").write_bytes(zipped(files))
    known = replace(children[1], holds=("metadata.csv", "images"), takes=("metadata.csv", "images/"))
    assert unpack(tmp_path / "a.zip", known, tmp_path / "out") == 2
    assert below(tmp_path / "out") == ["images/a.jpg", "metadata.csv"]
