"""What is read out of zips, and what is refused there."""

import io
import random
import struct
import zipfile

import pytest

from xray.errors import Phrase
from xray.io import zips
from xray.io.storage import is_hidden
from xray.io.zips import Limits, Sent, ZipError

LIMITS = Limits(count=5, file_bytes=3 * 2**20, total_bytes=8 * 2**20)


def packed(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Pack some files as tools do."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data, None if isinstance(name, zipfile.ZipInfo) else method)
    return content.getvalue()


def opened(data: bytes, limits: Limits = LIMITS) -> list[Sent]:
    return list(zips.unpack([("films.zip", io.BytesIO(data))], limits))


def refusal(sent: Sent) -> Phrase | str:
    assert sent.error is not None, sent.path
    assert not sent.data
    return sent.error.template


def with_flag(data: bytes, flag: int) -> bytes:
    """Mark the first file of an archive in its directory."""
    at = data.index(b"PK\x01\x02") + 8
    return data[:at] + struct.pack("<H", struct.unpack_from("<H", data, at)[0] | flag) + data[at + 2 :]


def linked(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def test_loose_files_and_those_in_zips_come_one_by_one_with_their_paths() -> None:
    data = packed(("a.png", b"one"), ("covid/b.png", b"two"), ("leer/", b""))
    found = list(zips.unpack([("x.png", io.BytesIO(b"loose")), ("films.zip", io.BytesIO(data))], LIMITS))
    assert [(sent.path, sent.data) for sent in found] == [
        ("x.png", b"loose"), ("films.zip/a.png", b"one"), ("films.zip/covid/b.png", b"two"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", [".DS_Store", "__MACOSX/._a.png", "films/.hidden/a.png", "Thumbs.db", "a/desktop.ini", "a\\.b"]
)
def test_what_systems_leave_in_folders_is_passed_over(name: str) -> None:
    assert is_hidden(name)
    assert [sent.path for sent in opened(packed((name, b"x"), ("a.png", b"y")))] == ["films.zip/a.png"]
    assert list(zips.unpack([(name, io.BytesIO(b"x"))], LIMITS)) == []


def saying(data: bytes, size: int) -> bytes:
    """Let the directory say another size of the first file."""
    at = data.index(b"PK\x01\x02") + 24
    return data[:at] + struct.pack("<I", size) + data[at + 4 :]


def many(number: int, data: bytes = b"x", name: str = "") -> bytes:
    return packed(*((f"{each:06}{name}.png", data) for each in range(number)))


NOISE = random.Random(0).randbytes(2 * 2**20)
REFUSED = {
    "a link": (packed((linked("a.png", 0o120777), b"/etc/passwd")), zips.NO_FILE),
    "a device": (packed((linked("a.png", 0o020644), b"")), zips.NO_FILE),
    "locked": (with_flag(packed(("a.png", b"x")), 0x01), zips.ENCRYPTED),
    # These two can ask for any memory.
    "bzip2": (packed(("a.png", b"x" * 100), method=zipfile.ZIP_BZIP2), zips.METHOD),
    "LZMA": (packed(("a.png", b"x" * 100), method=zipfile.ZIP_LZMA), zips.METHOD),
    "a zip by another name": (packed(("inner.png", packed(("a.png", b"x")))), zips.NESTED),
    "a bomb": (packed(("bomb.png", bytes(2 * 2**20))), zips.RATIO),
    "more than it said": (saying(packed(("a.png", b"x" * 1000)), 10), zips.DAMAGED_MEMBER),
    "too many files": (many(6), zips.TOO_MANY),
    "an endless directory": (many(6000, b"", "x" * 200), zips.TOO_MANY),
    "too much in all": (many(5, NOISE), zips.TOO_MUCH),
    **{f"cut at {at}": (packed(("a.png", b"x" * 500))[:at], zips.DAMAGED) for at in (4, 30, 60, -1)},
}


@pytest.mark.parametrize(("data", "error"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_unpacked_is_an_error_that_says_why(data: bytes, error: Phrase) -> None:
    (sent,) = opened(data)
    assert refusal(sent) is error
    assert sent.path.startswith("films.zip/") == (error not in (zips.TOO_MANY, zips.TOO_MUCH, zips.DAMAGED))


def test_limits_hold_for_all_archives_of_a_form_together() -> None:
    three, large = packed(*((f"{at}.png", b"x") for at in range(3))), packed(*((f"{at}.png", NOISE) for at in range(2)))
    files = [("a.zip", three), ("b.zip", three), ("c.png", b"x"), ("d.zip", packed(("y.png", b"y")))]
    found = list(zips.unpack([(name, io.BytesIO(data)) for name, data in files], LIMITS))
    assert [sent.path for sent in found if not sent.error] == [
        "a.zip/0.png", "a.zip/1.png", "a.zip/2.png", "c.png", "d.zip/y.png",
    ]  # fmt: skip
    assert refusal(found[3]) is zips.TOO_MANY_AT_ONCE
    *_, last = list(
        zips.unpack([(name, io.BytesIO(large)) for name in ("a.zip", "b.zip")], Limits(5, 3 * 2**20, 7 * 2**20))
    )
    assert refusal(last) is zips.TOO_MUCH


def damaged() -> bytes:
    data = bytearray(packed(("a.png", b"x" * 50), ("b.png", b"y"), method=zipfile.ZIP_STORED))
    data[data.index(b"xxxxx")] ^= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "error"),
    [(damaged(), zips.DAMAGED_MEMBER)]
    + [
        (packed((name, b"x"), ("b.png", b"y")), zips.LEADS_OUT)
        for name in ("../a.png", "a/../../b.png", "/etc/passwd", "C:\\films\\a.png", "..\\a.png")
    ],
)
def test_beside_a_bad_file_the_rest_is_read(data: bytes, error: Phrase) -> None:
    first, second = opened(data)
    assert refusal(first) is error and second.data == b"y"


def test_a_file_that_is_too_large_is_an_error_with_both_sizes() -> None:
    heavy = random.Random(0).randbytes(3 * 2**20 + 1)
    for sent in (opened(packed(("a.png", heavy)))[0], next(zips.unpack([("a.png", io.BytesIO(heavy))], LIMITS))):
        assert refusal(sent) is zips.TOO_LARGE
        assert sent.error and sent.error.values == {"limit": 3.0, "size": 3.1}


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("gbk", ["a片1.png", "病人/PA正位.png"]),
        ("shift_jis", ["胸部レントゲン/正面.png"]),
        ("cp850", ["Radiografía Muñoz.png"]),
        ("latin-1", ["Röntgen Müller.png"]),
        ("utf-8", ["фото/胸片.png"]),
    ],
)
def test_names_are_read_in_the_encoding_of_the_whole_archive(encoding: str, names: list[str]) -> None:
    assert zips.guess_encoding([name.encode(encoding) for name in names], dos=encoding == "cp850") == encoding


@pytest.mark.parametrize("seed", [*range(40), 189])
def test_no_damage_brings_anything_but_errors_in_words(seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(packed(("a.png", chance.randbytes(40)), ("b/c.png", b"y" * 90), ("d.png", b"")))
    for _ in range(chance.randint(1, 6)):
        data[chance.randrange(4, len(data))] = chance.choice((0, 1, 0x7F, 0xFF, chance.randrange(256)))
    for sent in opened(bytes(data)):
        assert sent.error is None or isinstance(sent.error, ZipError)
