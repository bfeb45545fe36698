"""JPEG 2000 codestreams of any structure, written by hand: what no encoder would ask of a decoder."""

import struct
from random import Random

SOC, EOC = b"\xff\x4f", b"\xff\xd9"


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">HH", marker, len(content) + 2) + content


def size(
    height: int, width: int, tile: tuple[int, int] = (0, 0), at: tuple[int, int] = (0, 0), depth: int = 7
) -> bytes:
    """SIZ of one component; tiles of the whole image by default, all of it moved right and down by `at`."""
    down, across = tile[0] or at[0] + height, tile[1] or at[1] + width
    numbers = (at[1] + width, at[0] + height, at[1], at[0], across, down, 0, 0)
    return segment(0xFF51, struct.pack(">H8IH3B", 0, *numbers, 1, depth, 1, 1))


def coding(*, layers: int = 1, levels: int = 5, block: tuple[int, int] = (4, 4), precinct: int | None = None) -> bytes:
    """COD with code-blocks of 2**(2 + block) and precincts of 2**precinct."""
    sizes = b"" if precinct is None else bytes([precinct << 4 | precinct] * (levels + 1))
    head = struct.pack(">BBHB", precinct is not None, 0, layers, 0)
    return segment(0xFF52, head + struct.pack(">5B", levels, *block, 0, 1) + sizes)


def steps(levels: int = 5) -> bytes:
    """QCD without quantisation."""
    return segment(0xFF5C, bytes([2 << 5] + [8 << 3] * (3 * levels + 1)))


def part(content: bytes = b"", header: bytes = b"", tile: int = 0, number: int = 0, of: int = 1) -> bytes:
    """A tile-part with a header and packets."""
    length = 12 + len(header) + 2 + len(content)
    return segment(0xFF90, struct.pack(">HIBB", tile, length, number, of)) + header + b"\xff\x93" + content


def orders(number: int) -> bytes:
    """POC: changes of the order of progression."""
    return segment(0xFF5F, struct.pack(">BBHBBB", 0, 0, 1, 33, 1, 2) * number)


def stream(*main: bytes, parts: bytes = b"") -> bytes:
    return SOC + b"".join(main) + (parts or part(bytes(300))) + EOC


def costly(height: int, width: int) -> dict[str, bytes]:
    """Codestreams of that size that ask for more than any film."""
    here, whole = size(height, width), steps()
    precincts = [16 * (8 + down) + 8 + across for down in range(8) for across in range(8)]
    codings = [segment(0xFF53, b"\0\1" + bytes([5, 4, 4, 0, 1] + [0xFF] * 5 + [each])) for each in precincts]
    return {
        "of codings without end": stream(here, coding(), *codings, whole),
        "of 65,535 layers": stream(here, coding(layers=65_535), whole),
        "of precincts of one pixel": stream(here, coding(layers=10, levels=0, precinct=0), steps(0)),
        "of code-blocks of four pixels in six orders": stream(here, coding(layers=100, block=(0, 0)), orders(5), whole),
        "of tiles of one pixel": stream(size(height, width, (1, 1)), coding(), whole),
        "of layers in a tile": stream(here, coding(), whole, parts=part(bytes(99), coding(layers=9999))),
        "of precincts in a component": stream(
            here, coding(layers=90), segment(0xFF53, b"\0\1" + bytes([5, 4, 4, 0, 1] + [0x11] * 6)), whole
        ),
        "of orders without end": stream(here, coding(layers=20), orders(9000), whole),
        "of tile-parts without end": stream(here, coding(), whole, parts=part() * 250_000),
    }


def broken(height: int, width: int) -> dict[str, bytes]:
    """Codestreams whose headers contradict themselves."""
    here, rest = size(height, width), coding() + steps()
    return {
        "without tiles": stream(size(height, width, (0, 0), (0, 0)).replace(struct.pack(">I", width), bytes(4)), rest),
        "without tile-parts": SOC + here + rest + EOC,
        "of code-blocks of 1,024 a side": stream(here, coding(block=(8, 8)), steps()),
        "of two components": stream(here.replace(b"\0\1\7\1\1", b"\0\2\7\1\1"), rest),
        "of a segment without end": SOC + here + b"\xff\x64\xff\xff",
        "of a tile-part shorter than its header": stream(here, rest, parts=part().replace(b"\0\0\0\x0e", b"\0\0\0\1")),
        "cut in its size": (SOC + here)[:30],
    }


def anything(chance: Random, height: int, width: int) -> bytes:
    """A codestream of that size, whose segments are whole and state anything."""
    lengths = (0, 1, 2, 3, 4, 8, 16, 31, 64, 127, 1024, 2**16, 2**31)
    levels = chance.choice((0, 1, 2, 3, 5, 5, 5, 16, 32, 33))

    def any_coding() -> bytes:
        block = chance.choice(((4, 4), (3, 3), (0, 0), (8, 0), (0, 8), (1, 5), (4, 5)))
        layers = chance.choice((0, 1, 1, 1, 2, 5, 20, 100, 101, 65_535))
        return coding(layers=layers, levels=levels, block=block, precinct=chance.choice((None, None, *range(16))))

    def any_content() -> bytes:
        return chance.choice((bytes, chance.randbytes, lambda count: b"\x80" * count))(chance.choice((0, 9, 300, 9000)))

    def extra() -> bytes:
        component = segment(0xFF53, b"\0" + any_coding()[4:5] + any_coding()[9:])
        return chance.choice((b"", b"", b"", any_coding(), component, orders(chance.choice((1, 2, 31, 5000)))))

    tile = (chance.choice(lengths), chance.choice(lengths)) if chance.random() < 0.5 else (0, 0)
    at = (chance.choice(lengths[:-1]), chance.choice(lengths[:-1])) if chance.random() < 0.2 else (0, 0)
    head = size(height, width, tile, at, depth=chance.choice((7, 7, 11, 15, 0, 37, 0x87, 0x8B)))
    count = chance.choice((1, 1, 2, 9, 200))
    tiles = [chance.choice((0, 0, number, 65_535)) for number in range(count)]
    parts = [part(any_content(), extra(), tile, number % 256, count % 256) for number, tile in enumerate(tiles)]
    return stream(head, any_coding(), extra(), steps(min(levels, 32)), parts=b"".join(parts))
