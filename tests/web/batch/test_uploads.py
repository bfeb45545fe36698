"""Files that share one temporary file."""

import io
import random

import pytest

from web.batch.uploads import Part, Pile


@pytest.fixture
def pile():
    pile = Pile()
    first = Part(pile)
    yield pile
    first.close()
    assert pile.file.closed


def test_it_behaves_as_a_file_in_memory_does(pile) -> None:
    Part(pile).write(b"before")
    chance, memory, part = random.Random(0), io.BytesIO(), Part(pile)
    data = chance.randbytes(1000)
    assert memory.write(data) == part.write(data)
    for _ in range(500):
        offset, whence, size = chance.randint(-50, 1100), chance.choice((0, 2)), chance.randint(-1, 300)
        if (1000 if whence else 0) + offset >= 0:
            assert memory.seek(offset, whence) == part.seek(offset, whence)
        assert memory.read(size) == part.read(size)
        assert memory.tell() == part.tell()


def test_the_pile_is_gone_when_its_last_part_is_closed() -> None:
    pile = Pile()
    first, second = Part(pile), Part(pile)
    first.close()
    first.close()
    assert not pile.file.closed
    second.close()
    assert pile.file.closed
