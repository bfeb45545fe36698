"""How the fuzzer damages a file: blindly, and where it hurts, with the checksums mended afterwards."""

import struct
import zlib
from collections.abc import Callable
from random import Random

Mutation = Callable[[bytearray, Random, bytes], bytearray]

# Numbers at which arithmetic turns over, and sizes that ask for memory.
NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 4096, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)
TEXTS = (b"nan", b"inf", b"-inf", b"1e308", b"-1", b"0", b"", b"1\\2\\3", b"9" * 16, b"MONOCHROME1", b"\xff" * 16)
# Headers are this long, as a rule: damage in pixels is seldom interesting.
HEADER = 1024


def mutated(data: bytes, other: bytes, random: Random) -> bytes:
    """Return a file, damaged in one to four ways.

    Args:
        data: the file.
        other: another one, to take pieces from.
        random: decides how.
    """
    target = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
        target = random.choice(MUTATIONS)(target, random, other)
    # Else every damaged PNG would be refused for its checksum alone.
    return _mended(bytes(target)) if random.random() < 0.8 else bytes(target)


def _place(target: bytearray, random: Random, room: int = 1) -> int:
    end = max(0, len(target) - room)
    return random.randint(0, min(end, HEADER) if random.random() < 0.6 else end)


def flip_bits(target: bytearray, random: Random, _: bytes) -> bytearray:
    """Flip up to sixteen bits."""
    for _ in range(random.randint(1, 16) if target else 0):
        target[_place(target, random)] ^= 1 << random.randrange(8)
    return target


def write_number(target: bytearray, random: Random, _: bytes) -> bytearray:
    """Put a number where one may stand."""
    size, order = random.choice((1, 2, 4)), random.choice("<>")
    if len(target) >= size:
        number = random.choice(NUMBERS) & (256**size - 1)
        struct.pack_into(order + {1: "B", 2: "H", 4: "I"}[size], target, _place(target, random, size), number)
    return target


def write_text(target: bytearray, random: Random, _: bytes) -> bytearray:
    """Put a number as DICOM writes it, or a word, over what stands there."""
    text, at = random.choice(TEXTS), _place(target, random, 16)
    target[at : at + len(text)] = text
    return target


def cut(target: bytearray, random: Random, _: bytes) -> bytearray:
    """Cut the end off."""
    return target[: _place(target, random)]


def leave_out(target: bytearray, random: Random, _: bytes) -> bytearray:
    """Take a piece out."""
    at = _place(target, random)
    del target[at : at + random.choice((1, 2, 4, 16, 256))]
    return target


def repeat(target: bytearray, random: Random, _: bytes) -> bytearray:
    """Let a piece stand many times."""
    at, size = _place(target, random), random.choice((1, 2, 8, 64, 512))
    target[at:at] = target[at : at + size] * random.choice((1, 2, 16, 200))
    return target


def splice(target: bytearray, random: Random, other: bytes) -> bytearray:
    """Put a piece of another file in."""
    source, at = _place(bytearray(other), random), _place(target, random)
    piece, over = other[source : source + random.choice((4, 32, 256, 4096))], random.random() < 0.5
    target[at : at + (len(piece) if over else 0)] = piece
    return target


def swap(target: bytearray, random: Random, _: bytes) -> bytearray:
    """Exchange two pieces of the same length."""
    size = random.choice((1, 2, 4, 8, 32))
    one, two = sorted((_place(target, random, size), _place(target, random, size)))
    if one + size <= two:
        target[one : one + size], target[two : two + size] = target[two : two + size], target[one : one + size]
    return target


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits, flip_bits, write_number, write_number, write_text, cut, leave_out, repeat, splice, swap,
)  # fmt: skip


def _mended(data: bytes) -> bytes:
    """Write the right checksum behind every chunk of a PNG that can be walked."""
    if not data.startswith(b"\x89PNG"):
        return data
    target, at = bytearray(data), 8
    while at + 12 <= len(target):
        end = at + 12 + int(struct.unpack_from(">I", target, at)[0])
        if end > len(target):
            break
        struct.pack_into(">I", target, end - 4, zlib.crc32(target[at + 4 : end - 4]))
        at = end
    return bytes(target)
