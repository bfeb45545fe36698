"""Storage of analysis images, on local disk or in an S3 bucket that several instances share.

All of them are for the analysis' owner alone; annotated copies lie in a folder of their own, under names that tell what
they show, and other images in one for each analysis. A record
names its images only after all of them are stored, so no page shows an analysis by half. The layout is the same on a
disk and in a bucket: NAME.jpg in the folder of copies, and ID/film.jpg and so on in the folder of analyses.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from web.analyses.folders import Bucket, Folder, LocalFolder
from web.analyses.records import ID
from xray.io import storage
from xray.networks.heads import Verdict

FILM, THUMB, MASK, DEEP, OPACITY = "film.jpg", "thumb.jpg", "mask.png", "deep.png", "opacity.png"
PICTURE_NAME = re.compile(rf"{ID.pattern}/((film|thumb)\.jpg|(mask|deep|opacity|heat-[a-z0-9_-]+)\.png)")
# Copies of before December 2026 are PNG.
COPY_NAME = re.compile(r"[A-Z]+_Prob_\d{2,3}_Name_[A-Za-z0-9_-]+\.(jpg|png)")
# What a killed process left half written; the folders are those of the first edition.
DRAFT = re.compile(rf"([^/]+/)?{storage.DRAFT.pattern}|\.draft-[^/]+/.*")
LONGEST_SLUG = 40
DEVICE = re.compile(r"(?i)con|prn|aux|nul|com\d|lpt\d")


@dataclass(frozen=True)
class Copies:
    """The annotated copies."""

    folder: Folder

    def save(self, jpeg: bytes, verdict: Verdict, score: float, name: str) -> str:
        """Store one copy.

        Args:
            jpeg: the encoded image.
            verdict: the model's verdict.
            score: the model's score, 0 to 1.
            name: the client's file name; only a slug of it is used.

        Returns:
            The copy's name, VERDICT_Prob_XX_Name_name_token.jpg; XX is the score in hundredths.

        Raises:
            StoreError: there is no room, or the folder cannot be written.
        """
        token = secrets.token_urlsafe(16)
        copy = f"{verdict}_Prob_{round(100 * score):02d}_Name_{slug(name)}_{token}.jpg"
        self.folder.put(copy, jpeg, durable=True)
        return copy

    def replace(self, copy: str, content: bytes) -> None:
        """Store another image, of the same format, under the name of a copy.

        Raises:
            StoreError: there is no room, or the folder cannot be written.
        """
        if COPY_NAME.fullmatch(copy):
            self.folder.put(copy, content, durable=True)

    def read(self, copy: str) -> bytes | None:
        """Return a copy's content; None where there is none of that name."""
        return self.folder.get(copy) if COPY_NAME.fullmatch(copy) else None

    def remove(self, copy: str) -> None:
        """Delete a copy; one that is already gone is no error."""
        if COPY_NAME.fullmatch(copy):
            self.folder.remove([copy])

    def sweep(self, before: float, *, drafts_before: float) -> None:
        """Delete old copies and drafts; see `_sweep`."""
        _sweep(self.folder, COPY_NAME, before, drafts_before)


@dataclass(frozen=True)
class Pictures:
    """The images of analyses that only their owner sees."""

    folder: Folder

    def save(self, id: str, pictures: Mapping[str, bytes]) -> None:
        """Store all images of an analysis, by name; after an error some may be there, for `remove` to delete."""
        self.folder.each(lambda item: self.folder.put(f"{id}/{item[0]}", item[1]), pictures.items())

    def read(self, id: str, names: Iterable[str]) -> dict[str, bytes]:
        """Return those images of an analysis that are still there, by name."""
        wanted = [name for name in names if PICTURE_NAME.fullmatch(f"{id}/{name}")]
        found: dict[str, bytes | None] = {}
        self.folder.each(lambda name: found.update({name: self.folder.get(f"{id}/{name}")}), wanted)
        return {name: content for name in wanted if (content := found[name]) is not None}

    def has(self, id: str, name: str) -> bool:
        """Tell whether an analysis has an image of that name."""
        return bool(PICTURE_NAME.fullmatch(f"{id}/{name}")) and self.folder.has(f"{id}/{name}")

    def having(self, ids: Iterable[str], name: str) -> set[str]:
        """Return those of many analyses that have an image of that name; a bucket is not asked, as pages would wait."""
        return {id for id in ids if not self.folder.quick or self.has(id, name)}

    def remove(self, id: str) -> None:
        """Delete an analysis' images; those that are already gone are no error."""
        if ID.fullmatch(id):
            self.folder.remove(name for name, _ in self.folder.files(id))

    def sweep(self, before: float, *, drafts_before: float) -> None:
        """Delete old images and drafts; see `_sweep`."""
        _sweep(self.folder, PICTURE_NAME, before, drafts_before)


def _sweep(folder: Folder, ours: re.Pattern[str], before: float, drafts_before: float) -> None:
    """Delete old files.

    Args:
        folder: where they are; what others put there stays.
        ours: matches the names of files that are deleted.
        before: they were written before this time, in seconds since 1970.
        drafts_before: the same of what killed processes left half written.
    """
    for name, written in list(folder.files()):
        draft = DRAFT.fullmatch(name)
        if (draft or ours.fullmatch(name)) and written < (drafts_before if draft else before):
            folder.remove([name])


def open_storage(store: str, copies: Path, pictures: Path) -> tuple[Copies, Pictures]:
    """Open what keeps the images.

    Args:
        store: the address of a bucket's folder (XRAY_STORE); empty for this machine's folders.
        copies: the local folder of annotated copies.
        pictures: the local folder of all other images.

    Raises:
        SettingError: the bucket cannot be used.
    """
    if not store:
        return Copies(LocalFolder(copies)), Pictures(LocalFolder(pictures))
    bucket = Bucket.open(store)
    return Copies(bucket.within("copies")), Pictures(bucket.within("analyses"))


def heat(model: str) -> str:
    """Return the file name of a model's heat map."""
    return f"heat-{model}.png"


def slug(name: str) -> str:
    """Reduce a client's file name to at most 40 ASCII letters, digits, - and _; "picture" if none is left.

    Windows reserves some names for devices, and no file of such a name can be unpacked there: it gets a _ at its end.
    """
    base = name.replace("\\", "/").rpartition("/")[2]
    stem = base.rpartition(".")[0] if "." in base else base
    ascii_only = normalize("NFKD", stem).encode("ascii", "ignore").decode()
    found = re.sub(r"[^A-Za-z0-9-]+", "_", ascii_only)[:LONGEST_SLUG].strip("_-") or "picture"
    return f"{found}_" if DEVICE.fullmatch(found) else found
