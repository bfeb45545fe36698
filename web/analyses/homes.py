"""What a home for the pictures of analyses must do: folders of this machine do it, and a bucket that many share."""

from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Protocol, TypeVar

from xray.networks.heads import Verdict

Thing = TypeVar("Thing")

# What can be sent as it is: a file of this machine, or what was fetched from elsewhere.
Opened = Path | BytesIO


class CopyHome(Protocol):
    """Keeps the annotated copies, whole or absent. StoreError: it cannot be reached, is full, or cannot be written."""

    def save(self, png: bytes, verdict: Verdict, score: float, name: str) -> str:
        """Keep one copy and return its name; see `web.analyses.store.copy_name`."""

    def open(self, file_name: str) -> Opened | None:
        """Return a copy to be sent; None where there is none of that name."""

    def read(self, file_name: str) -> bytes | None:
        """Return the content of a copy; None where there is none of that name."""

    def remove(self, file_name: str) -> None:
        """Take a copy away; one that is already gone is no error."""

    def ask(self) -> None:
        """Find out whether a copy could be kept now; StoreError: it could not."""

    def sweep(self, seconds_since_epoch: float, *, drafts_before: float) -> None:
        """Take away the copies that were kept before a time, and earlier drafts of killed processes."""


class PictureHome(Protocol):
    """Keeps what only the owner of an analysis sees. StoreError: as above."""

    def save(self, id: str, pictures: Mapping[str, bytes]) -> None:
        """Keep all pictures of an analysis, by name, or none."""

    def open(self, id: str, name: str) -> Opened | None:
        """Return a picture to be sent; None where there is none of that name."""

    def read(self, id: str, names: Iterable[str]) -> dict[str, bytes]:
        """Return those pictures of an analysis that are still there, by name."""

    def has(self, id: str, name: str) -> bool:
        """Tell whether an analysis has a picture of that name."""

    def having(self, ids: Iterable[str], name: str) -> set[str]:
        """Return those of many analyses that have a picture of that name, as far as that is known at once."""

    def remove(self, id: str) -> None:
        """Take away an analysis' pictures; those that are already gone are no error."""

    def each(self, work: Callable[[Thing], object], things: Iterable[Thing]) -> None:
        """Do something with many analyses: one after another, or side by side where each has to be waited for."""

    def aside(self, work: Callable[[], int]) -> None:
        """Do the next part of some work; or all parts, until one does nothing, where nobody has to wait for it."""

    def mark(self, name: str) -> None:
        """Remember, for all who share a disk, that something was done just now."""

    def marked_before(self, name: str, seconds_since_epoch: float) -> bool:
        """Tell whether it was last done before a time; what was never done was not."""

    def ask(self) -> None:
        """Find out whether pictures could be kept now; StoreError: they could not."""

    def sweep(self, seconds_since_epoch: float, *, drafts_before: float) -> None:
        """Take away the pictures that were kept before a time, and earlier drafts of killed processes."""
