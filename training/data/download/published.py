"""What is known of the published data sets: published.toml, and the Kaggle token that one of them asks for."""

import json
import os
import re
from pathlib import Path

from training.config import Choices, load
from xray.errors import DatasetError

TABLE = Path(__file__).with_name("published.toml")
SHA256 = re.compile(r"[0-9a-f]{64}")
MB = 1_000_000
HOW = (
    "make a token at https://www.kaggle.com/settings (API, Create New Token) and set KAGGLE_USERNAME and KAGGLE_KEY, "
    "or put kaggle.json into ~/.kaggle/"
)


class Table(Choices, frozen=True):
    """A table that is fetched beside an archive.

    Attributes:
        name: that it lands under, in the set's folder.
        address: of the file, as it is or zipped.
    """

    name: str
    address: str


class PublishedSet(Choices, frozen=True):
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
        lands: the folder below the output folder that `prepare` reads.
        source: the folder below the output folder that is named to `prepare`.
        takes: what of that folder is unpacked, folders with a slash; all of it without.
        sha256: of the archive, in hex; blank where nobody states it.
        kaggle: whether it wants a Kaggle token.
        tables: what else is fetched.
        last: the file of the folder that is written last; without one the folder itself tells that all is there.
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
    tables: tuple[Table, ...] = ()
    last: str = ""


class Published(Choices, frozen=True):
    """All of them."""

    sets: tuple[PublishedSet, ...]


def published(table: Path = TABLE) -> dict[str, PublishedSet]:
    """Read the table; the sets by name, in its order."""
    return {each.name: each for each in load(table, Published).sets}


def pins(words: list[str], known: dict[str, PublishedSet]) -> dict[str, str]:
    """Read what a user says of checksums: NAME=SHA256, each for one data set.

    Args:
        words: of the command line.
        known: the data sets.

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


def kaggle_token() -> tuple[str, str] | None:
    """Return user name and key as Kaggle's own programs find them; None where nothing is set.

    Raises:
        DatasetError: there is a kaggle.json that cannot be used.

    Source:
        github.com/Kaggle/kagglehub, README: KAGGLE_USERNAME and KAGGLE_KEY, KAGGLE_CONFIG_DIR, ~/.kaggle/kaggle.json;
        sent by HTTP basic authentication (src/kagglehub/clients.py).
    """
    user, key = os.environ.get("KAGGLE_USERNAME"), os.environ.get("KAGGLE_KEY")
    if user and key:
        return user, key
    path = Path(os.environ.get("KAGGLE_CONFIG_DIR") or Path.home() / ".kaggle") / "kaggle.json"
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return str(content["username"]), str(content["key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        # What stands in the file is a secret, and no part of the message.
        raise DatasetError(f'{path}: expected {{"username": …, "key": …}}. Received something else; {HOW}.') from error
