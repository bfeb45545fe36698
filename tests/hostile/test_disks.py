"""Disks that are full, read-only or emptied while the service runs."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.server import Visitor
from tests.hostile.service import refused, serving


@pytest.fixture(scope="module")
def large_film(radiograph):
    """A film whose copies and whose upload pass the limits of the small disks below."""
    noise = np.random.default_rng(0).integers(0, 12, (1200, 1100), dtype=np.uint8)
    return cv2.imencode(".png", cv2.add(radiograph(1200, 1100), noise))[1].tobytes()


def test_where_files_may_not_grow_nothing_is_kept_by_half(folder, film, large_film):
    # As a quota does it, and without anybody's rights.
    with serving(folder, limit=600_000) as service:
        assert "507" in refused(Visitor(service.url), large_film)
        assert service.copies() == [] and service.left() == [] and service.rows() == []
        assert Visitor(service.url).analyse(film, "covid_normal")


@contextmanager
def small_disk(folder: Path, size: str = "3m") -> Iterator[Callable[[str], None]]:
    """Mount a small disk; skip where that is not allowed. Gives what changes its options."""
    mount = shutil.which("mount")
    command = [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if not mount or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        yield lambda option: subprocess.run([mount, "-o", f"remount,{option}", str(folder)], check=True)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_gives_a_clear_page_until_there_is_room_again(folder, film):
    with small_disk(folder), serving(folder) as service:
        visitor = Visitor(service.url)
        first = visitor.analyse(film, "both")
        rows, filler = service.rows(), folder / "filler"
        with pytest.raises(OSError, match="No space"), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        assert "507" in refused(visitor, film)
        assert service.left() == [] and len(service.copies()) == len(first) and service.rows() == rows
        filler.unlink()
        assert visitor.analyse(film, "both") and len(service.rows()) == len(rows) + 1


def test_a_full_disk_for_uploads_gives_a_clear_page(folder, tmp_path, large_film, film):
    passing = tmp_path / "passing"
    passing.mkdir()
    with small_disk(passing, "600k"), serving(folder, TMPDIR=str(passing)) as service:
        assert "507" in refused(Visitor(service.url), large_film)
        assert list(passing.iterdir()) == [] and service.rows() == []
        assert Visitor(service.url).analyse(film, "both")


def test_a_disk_that_becomes_read_only_loses_nothing(folder, film):
    # A disk with a database that is in use cannot be remounted; the copies' own can.
    (folder / "copies").mkdir()
    with small_disk(folder / "copies") as change, serving(folder) as service:
        visitor = Visitor(service.url)
        copies = visitor.analyse(film, "both")
        rows = service.rows()
        change("ro")
        assert "answered 500" in refused(visitor, film)
        assert service.rows() == rows and len(service.copies()) == len(copies) and service.left() == []
        change("rw")
        assert visitor.analyse(film, "both")
