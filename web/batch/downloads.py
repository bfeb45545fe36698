"""Zip archives of a batch's images, written while they are sent, with one image in memory at a time."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from zipfile import ZIP_DEFLATED, ZipFile

import cv2
import numpy as np

from web.analyses import storage
from web.analyses.records import Record
from web.analyses.service import AnalysisService
from web.batch.table import Row, stems
from xray import opacity
from xray.annotate.annotated_copy import encode
from xray.annotate.lettering import BACKGROUND, BOLD, TEXT, Picture, Sheet
from xray.annotate.words import DISCLAIMER
from xray.io.png import encode_png

# A file in an archive: name and content.
File = tuple[str, bytes]
# PNG and JPEG hardly shrink, and the other files are small.
LEVEL = 1


def write(files: Iterable[File]) -> Iterator[bytes]:
    """Pack files one by one and yield the archive in pieces.

    Deflated, not stored: a stored file whose size follows its content has no end for readers that cannot seek.
    """
    pipe = _Pipe()
    with ZipFile(pipe, "w", ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for name, content in files:
            archive.writestr(name, content)
            yield pipe.drain()
    yield pipe.drain()


def files(what: str, rows: Sequence[Row], service: AnalysisService) -> Iterator[File]:
    """Yield the images of one kind, of every analysis that has them.

    `what` is a key of KINDS.
    """
    names = stems(rows)
    records = {row.record.id: row.record for row in rows if row.record}
    for id, record in records.items():
        yield from KINDS[what](service, record, names[id])


def _copies(service: AnalysisService, record: Record, stem: str) -> Iterator[File]:
    for result in record.results:
        if copy := service.copies.read(result.copy):
            name = f"{result.verdict}_Prob_{round(100 * result.score):02d}_Name_{stem}"
            yield f"{result.model}/{name}{PurePath(result.copy).suffix}", copy
    film, layer = (_read(service, record, name) for name in (storage.FILM, storage.OPACITY))
    if film and layer and (said := record.opacity):
        sides = " ".join(f"{name} {'-' if cell is None else cell}" for name, cell in opacity.columns(said).items())
        yield f"opacity/Opacity_Name_{stem}.jpg", overlaid(film, layer, f"opacity {said.version}: {sides}")


def _masks(service: AnalysisService, record: Record, stem: str) -> Iterator[File]:
    if mask := _read(service, record, storage.MASK):
        yield f"{stem}.png", mask


def _masked(service: AnalysisService, record: Record, stem: str) -> Iterator[File]:
    film, mask = _read(service, record, storage.FILM), _read(service, record, storage.MASK)
    if film and mask:
        yield f"{stem}.png", masked(film, mask)


def _heat(service: AnalysisService, record: Record, stem: str) -> Iterator[File]:
    film = _read(service, record, storage.FILM)
    for result in record.results:
        layer = _read(service, record, storage.heat(result.model))
        if film and layer:
            named = f"{result.model} {result.version}: {result.verdict} {result.score_text}"
            legend = f"{named}, evidence for {result.explained}"
            yield f"{result.model}/{result.verdict}_{stem}.jpg", overlaid(film, layer, legend)


KINDS: Mapping[str, Callable[[AnalysisService, Record, str], Iterator[File]]] = {
    "copies": _copies,
    "masks": _masks,
    "masked": _masked,
    "heat": _heat,
}


def masked(film: bytes, mask: bytes) -> bytes:
    """Return the radiograph as PNG, black outside the lungs; the mask is scaled to its size."""
    image, lungs = _decode(film, cv2.IMREAD_GRAYSCALE), _decode(mask, cv2.IMREAD_GRAYSCALE)
    lungs = np.asarray(cv2.resize(lungs, image.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    return encode_png(np.where(lungs > 127, image, np.uint8(0)))


def overlaid(film: bytes, layer: bytes, legend: str) -> bytes:
    """Return the radiograph under a map as JPEG, above its legend and the disclaimer."""
    image, heat = _decode(film, cv2.IMREAD_COLOR), _decode(layer, cv2.IMREAD_UNCHANGED)
    height, width = image.shape[:2]
    heat = np.asarray(cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    opacity = np.asarray(heat[..., 3], np.float32) / 255
    blended = np.asarray(cv2.blendLinear(image, heat[..., :3].copy(), 1 - opacity, opacity), np.uint8)
    return encode(np.vstack([blended, _legend(width, legend)]))


def _legend(width: int, text: str) -> Picture:
    sheet = Sheet(width, 64, max(width / 700, 0.5), BACKGROUND)
    left, room = sheet.px(12), width - 2 * sheet.px(12)
    sheet.write(sheet.shorten(text, 16, room), left, sheet.px(26), 16, TEXT)
    sheet.write(sheet.shorten(DISCLAIMER, 16, room, BOLD), left, sheet.px(50), 16, TEXT, BOLD)
    return sheet.picture


def _read(service: AnalysisService, record: Record, name: str) -> bytes | None:
    return service.pictures.read(record.id, [name]).get(name)


def _decode(data: bytes, flags: int) -> Picture:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), flags), np.uint8)


class _Pipe(io.RawIOBase):
    """A write-only stream that keeps what was written until it is drained."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]  # any buffer
        self._pieces.append(piece)
        return len(piece)

    def drain(self) -> bytes:
        sent, self._pieces = b"".join(self._pieces), []
        return sent
