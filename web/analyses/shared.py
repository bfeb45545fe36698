"""The pictures of analyses in a bucket that several instances share, laid out there as in the folders of one machine.

Nothing is seen by half: a row names its pictures only after all of them are kept. What a killed instance kept without
a row is seen by nobody, and is swept away when it is too old to belong to any.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from math import inf
from threading import Lock
from time import time

from web.analyses.bucket import Bucket, Thing
from web.analyses.pictures import is_name
from web.analyses.record import ID
from web.analyses.store import COPY_NAME, copy_name
from web.analyses.threads import alone
from xray.networks.heads import Verdict

COPIES, PICTURES = "copies", "analyses"


@dataclass(frozen=True)
class SharedStore:
    """The annotated copies in a bucket; see `web.analyses.homes.CopyHome`."""

    bucket: Bucket

    def save(self, png: bytes, verdict: Verdict, score: float, name: str) -> str:
        """Keep one copy and return its name."""
        file_name = copy_name(verdict, score, name)
        self.bucket.put(f"{COPIES}/{file_name}", png)
        return file_name

    def open(self, file_name: str) -> BytesIO | None:
        """Return a copy to be sent."""
        content = self.read(file_name)
        return None if content is None else BytesIO(content)

    def read(self, file_name: str) -> bytes | None:
        """Return the content of a copy."""
        return self.bucket.get(f"{COPIES}/{file_name}") if COPY_NAME.fullmatch(file_name) else None

    def remove(self, file_name: str) -> None:
        """Take a copy away."""
        if COPY_NAME.fullmatch(file_name):
            self.bucket.remove([f"{COPIES}/{file_name}"])

    def ask(self) -> None:
        """Find out whether the bucket lets us in now."""
        self.bucket.list_few()

    def sweep(self, seconds_since_epoch: float, *, drafts_before: float) -> None:
        """Take away old copies, later; there are no drafts in a bucket."""
        self.bucket.later(partial(_sweep, self.bucket, COPIES, COPY_NAME.fullmatch, seconds_since_epoch))


@dataclass(frozen=True)
class SharedPictures:
    """What only the owner of an analysis sees, in a bucket; see `web.analyses.homes.PictureHome`."""

    bucket: Bucket
    _marks: dict[str, float] = field(default_factory=dict)
    _aside: Lock = field(default_factory=Lock)

    def save(self, id: str, pictures: Mapping[str, bytes]) -> None:
        """Keep all pictures of an analysis; after an error some may be there, for `remove` to take away."""
        self.each(lambda each: self.bucket.put(f"{PICTURES}/{id}/{each[0]}", each[1]), pictures.items())

    def open(self, id: str, name: str) -> BytesIO | None:
        """Return a picture to be sent."""
        content = self.read(id, [name]).get(name)
        return None if content is None else BytesIO(content)

    def read(self, id: str, names: Iterable[str]) -> dict[str, bytes]:
        """Return those pictures of an analysis that are still there."""
        wanted = [name for name in names if ID.fullmatch(id) and is_name(name)]
        found: dict[str, bytes] = {}

        def fetch(name: str) -> None:
            content = self.bucket.get(f"{PICTURES}/{id}/{name}")
            if content is not None:
                found[name] = content

        self.each(fetch, wanted)
        return {name: found[name] for name in wanted if name in found}

    def has(self, id: str, name: str) -> bool:
        """Tell whether an analysis has a picture of that name."""
        return bool(ID.fullmatch(id) and is_name(name)) and self.bucket.has(f"{PICTURES}/{id}/{name}")

    def having(self, ids: Iterable[str], name: str) -> set[str]:
        """Return all of them: a bucket keeps what it was given, and fifty questions a page would hold it up."""
        return set(ids)

    def remove(self, id: str) -> None:
        """Take away an analysis' pictures."""
        if ID.fullmatch(id):
            self.bucket.remove([name for name, _ in self.bucket.names(f"{PICTURES}/{id}/")])

    def each(self, work: Callable[[Thing], object], things: Iterable[Thing]) -> None:
        """Do something with many analyses, side by side."""
        self.bucket.each(work, things)

    def aside(self, work: Callable[[], int]) -> None:
        """Do all parts of some work later, unless that is being done already; without threads the next part, now."""
        if alone():
            work()
        elif self._aside.acquire(blocking=False):
            self.bucket.later(partial(self._all_parts, work))

    def _all_parts(self, work: Callable[[], int]) -> None:
        try:
            while work():
                pass
        finally:
            self._aside.release()

    def mark(self, name: str) -> None:
        """Remember, in this process, that something was done just now."""
        self._marks[name] = time()

    def marked_before(self, name: str, seconds_since_epoch: float) -> bool:
        """Tell whether it was last done before a time."""
        return self._marks.get(name, inf) < seconds_since_epoch

    def ask(self) -> None:
        """Find out whether the bucket lets us in now."""
        self.bucket.list_few()

    def sweep(self, seconds_since_epoch: float, *, drafts_before: float) -> None:
        """Take away old pictures, later; there are no drafts in a bucket."""
        self.bucket.later(partial(_sweep, self.bucket, PICTURES, _is_picture, seconds_since_epoch))


def _is_picture(name: str) -> bool:
    id, _, file_name = name.partition("/")
    return bool(ID.fullmatch(id)) and is_name(file_name)


def _sweep(bucket: Bucket, folder: str, ours: Callable[[str], object], seconds_since_epoch: float) -> None:
    old = (name for name, kept in bucket.names(f"{folder}/") if kept < seconds_since_epoch)
    bucket.remove(name for name in old if ours(name.removeprefix(f"{folder}/")))
