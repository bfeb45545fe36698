"""What is known of the published data sets: published.toml, read and checked."""

import re
from dataclasses import dataclass
from pathlib import Path

from training.config import load
from xray.errors import DatasetError

TABLE = Path(__file__).with_name("published.toml")
SHA256 = re.compile(r"[0-9a-f]{64}")
MB = 1_000_000


@dataclass(frozen=True)
class PublishedSet:
    """One data set that its publisher offers as a zip archive.

    Attributes:
        name: as the command line calls it.
        title: with its authors.
        page: where people read about it, and download by hand.
        address: of the archive.
        archive: the file name that it is kept under.
        licence: what a user accepts.
        archive_mb: about how large it is, MB.
        unpacked_mb: about how much comes out, MB; three times as much is refused.
        holds: what must be in it; the folder that has all of these is the one that lands.
        lands: the folder below the output folder that `training.data.prepare` reads.
        source: the folder below the output folder that is named to `training.data.prepare`.
        takes: what of that folder is unpacked, folders with a slash; all of it without.
        sha256: of the archive, in hex; blank where nobody states it.
        kaggle: whether it wants a Kaggle token.
    """

    name: str
    title: str
    page: str
    address: str
    archive: str
    licence: str
    archive_mb: int
    unpacked_mb: int
    holds: tuple[str, ...]
    lands: str
    source: str
    takes: tuple[str, ...] = ()
    sha256: str = ""
    kaggle: bool = False


@dataclass(frozen=True)
class Published:
    """All of them."""

    sets: tuple[PublishedSet, ...]


def published(table: Path = TABLE) -> dict[str, PublishedSet]:
    """Read the table; the sets by name, in its order."""
    return {each.name: each for each in load(table, Published).sets}


def pins(words: list[str], known: dict[str, PublishedSet]) -> dict[str, str]:
    """Read what a user says of checksums: NAME=SHA256, each for one data set.

    Raises:
        DatasetError: no such set, or no sha256.
    """
    found = {}
    for word in words:
        name, _, digest = word.partition("=")
        if name not in known or not SHA256.fullmatch(digest.lower()):
            raise DatasetError(
                f"Expected --pin NAME=SHA256, NAME one of {', '.join(known)}, 64 hex digits. Received: {word}."
            )
        found[name] = digest.lower()
    return found
