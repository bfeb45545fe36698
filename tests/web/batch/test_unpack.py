"""What is read out of zips, and what is refused there."""

import io
import random
import struct
import zipfile

import pytest

from web.batch import unpack
from web.batch.unpack import Limits, Sent, ZipError
from xray.errors import Phrase

LIMITS = Limits(count=5, file_bytes=3 * 2**20, total_bytes=8 * 2**20)


def packed(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Pack some files as tools do."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data, None if isinstance(name, zipfile.ZipInfo) else method)
    return content.getvalue()


def opened(data: bytes, limits: Limits = LIMITS) -> list[Sent]:
    return list(unpack.unpack([("films.zip", io.BytesIO(data))], limits))


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
    found = list(unpack.unpack([("x.png", io.BytesIO(b"loose")), ("films.zip", io.BytesIO(data))], LIMITS))
    assert [(sent.path, sent.data) for sent in found] == [
        ("x.png", b"loose"), ("films.zip/a.png", b"one"), ("films.zip/covid/b.png", b"two"),
    ]  # fmt: skip


def test_a_member_is_unpacked_only_when_its_turn_comes() -> None:
    sent = unpack.unpack([("films.zip", io.BytesIO(packed(("a", b"1"), ("b", b"2"))))], LIMITS)
    assert next(sent).data == b"1"
    sent.close()


@pytest.mark.parametrize(
    "name", [".DS_Store", "__MACOSX/._a.png", "films/.hidden/a.png", "Thumbs.db", "a/desktop.ini", "a\\.b"]
)
def test_what_systems_leave_in_folders_is_passed_over(name: str) -> None:
    assert unpack.passed_over(name)
    assert [sent.path for sent in opened(packed((name, b"x"), ("a.png", b"y")))] == ["films.zip/a.png"]
    assert list(unpack.unpack([(name, io.BytesIO(b"x"))], LIMITS)) == []


@pytest.mark.parametrize("name", ["../a.png", "a/../../b.png", "/etc/passwd", "C:\\films\\a.png", "..\\a.png"])
def test_a_name_that_leads_out_is_an_error_and_the_rest_is_read(name: str) -> None:
    first, second = opened(packed((name, b"x"), ("b.png", b"y")))
    assert refusal(first) is unpack.LEADS_OUT
    assert second.data == b"y"


@pytest.mark.parametrize("mode", [0o120777, 0o010644, 0o020644])
def test_links_and_devices_are_errors(mode: int) -> None:
    assert refusal(opened(packed((linked("a.png", mode), b"/etc/passwd")))[0]) is unpack.NO_FILE


@pytest.mark.parametrize("flag", [0x01, 0x40])
def test_a_locked_file_is_an_error(flag: int) -> None:
    assert refusal(opened(with_flag(packed(("a.png", b"x")), flag))[0]) is unpack.ENCRYPTED


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_can_ask_for_any_memory_are_not_used(method: int) -> None:
    assert refusal(opened(packed(("a.png", b"x" * 100), method=method))[0]) is unpack.METHOD


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_two_usual_methods_are_read(method: int) -> None:
    data = random.Random(0).randbytes(2 * 2**20)
    assert opened(packed(("a.png", data), method=method))[0].data == data


def test_a_zip_in_a_zip_is_an_error_whatever_its_name() -> None:
    inner = packed(("a.png", b"x"))
    assert refusal(opened(packed(("inner.png", inner)))[0]) is unpack.NESTED


def test_a_file_that_unpacks_to_far_more_than_it_was_is_an_error() -> None:
    assert refusal(opened(packed(("bomb.png", bytes(2 * 2**20))))[0]) is unpack.RATIO
    assert len(opened(packed(("small.png", bytes(2**20))))[0].data) == 2**20, "what is small may be plain"


def test_a_file_that_is_too_large_is_an_error_with_both_sizes() -> None:
    heavy = random.Random(0).randbytes(3 * 2**20 + 1)
    for sent in (opened(packed(("a.png", heavy)))[0], next(unpack.unpack([("a.png", io.BytesIO(heavy))], LIMITS))):
        assert refusal(sent) is unpack.TOO_LARGE
        assert sent.error and sent.error.values == {"limit": 3, "size": 4}


def test_more_comes_out_than_the_directory_said() -> None:
    data = packed(("a.png", b"x" * 1000), method=zipfile.ZIP_DEFLATED)
    at = data.index(b"PK\x01\x02") + 24
    lying = data[:at] + struct.pack("<I", 10) + data[at + 4 :]
    assert refusal(opened(lying)[0]) is unpack.DAMAGED_MEMBER


def test_too_many_files_refuse_the_whole_archive() -> None:
    found = opened(packed(*((f"{number}.png", b"x") for number in range(6))))
    assert [refusal(sent) for sent in found] == [unpack.TOO_MANY]
    assert found[0].path == "films.zip"


def test_too_much_in_all_refuses_the_whole_archive() -> None:
    data = random.Random(0).randbytes(2 * 2**20)
    assert refusal(opened(packed(*((f"{number}.png", data) for number in range(5))))[0]) is unpack.TOO_MUCH


def test_an_endless_directory_is_not_read() -> None:
    data = packed(*((f"{number:06}{'x' * 200}.png", b"") for number in range(6000)))
    assert refusal(opened(data)[0]) is unpack.TOO_MANY


def test_a_name_in_utf8_without_its_mark_is_read_as_it_was_meant() -> None:
    name = "фото.png".encode()
    data = packed(("x" * len(name), b"x")).replace(b"x" * len(name), name)
    assert opened(data)[0].path == "films.zip/фото.png"


@pytest.mark.parametrize("cut", [4, 30, 60, -1])
def test_a_cut_archive_is_damaged(cut: int) -> None:
    assert refusal(opened(packed(("a.png", b"x" * 500))[:cut])[0]) is unpack.DAMAGED


def test_a_damaged_member_is_an_error_and_the_rest_is_read() -> None:
    data = bytearray(packed(("a.png", b"x" * 50), ("b.png", b"y"), method=zipfile.ZIP_STORED))
    data[data.index(b"xxxxx")] ^= 1
    first, second = opened(bytes(data))
    assert refusal(first) is unpack.DAMAGED_MEMBER
    assert second.data == b"y"


@pytest.mark.parametrize("seed", [*range(40), 189])
def test_no_damage_brings_anything_but_errors_in_words(seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(packed(("a.png", chance.randbytes(40)), ("b/c.png", b"y" * 90), ("d.png", b"")))
    for _ in range(chance.randint(1, 6)):
        data[chance.randrange(4, len(data))] = chance.choice((0, 1, 0x7F, 0xFF, chance.randrange(256)))
    for sent in opened(bytes(data)):
        assert sent.error is None or isinstance(sent.error, ZipError)


def test_a_dicom_file_that_begins_like_a_zip_is_a_file() -> None:
    dicom = b"PK\x03\x04".ljust(128, b"\0") + b"DICM"
    assert opened(dicom)[0].data == dicom
