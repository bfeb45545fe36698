"""The files of a batch, each read at the desk and turned into a row: what cannot be read is a row with its reason."""

from collections.abc import Iterable, Iterator
from typing import IO

from flask import current_app
from flask_babel import gettext

from web import forms
from web.analyses.store import StoreError
from web.batch import unpack
from web.batch.table import Row, shown_path
from web.batch.unpack import Limits, Sent, ZipError
from web.forms import FormError
from web.i18n import in_words
from web.security import rate_limit
from web.services import services
from xray.errors import ImageError, Phrase
from xray.io.image import sniff

NOT_KEPT = Phrase(
    "It was read but could not be kept: the folder of analyses cannot be written. Tell whoever runs this site."
)
NO_ROOM = Phrase("It was read but could not be kept: the disk is full. Tell whoever runs this site.")


def read(sent: Sent, choice: str, owner: str) -> Row:
    """Read one file.

    Args:
        sent: the file.
        choice: a model's name, or "both".
        owner: who may open the analysis later.
    """
    path = shown_path(sent.path) or forms.UNNAMED
    try:
        if sent.error:
            raise sent.error
        if not sent.data:
            raise FormError(forms.EMPTY_FILE)
        if sniff(sent.data) == "ZIP":
            raise ZipError(unpack.NESTED)
        name = forms.shown_name(sent.path)
        return Row(path, services().desk.read(sent.data, name=name, choice=choice, owner=owner))
    except (FormError, ImageError, ZipError) as error:
        return Row(path, error=in_words(error))
    except StoreError as error:
        current_app.logger.error("%s", error)
        return Row(path, error=gettext(NO_ROOM if error.status == 507 else NOT_KEPT))


def read_all(files: Iterable[tuple[str, IO[bytes]]], choice: str, owner: str, done: list[Row]) -> Iterator[Row]:
    """Read all files, those in zips too, one after the other.

    Args:
        files: name and content of each; the content is closed at the end.
        choice: a model's name, or "both".
        owner: who may open the analyses later.
        done: gets every row that was yielded.
    """
    files = list(files)
    try:
        for sent in unpack.unpack(files, limits()):
            done.append(too_soon(sent) if rate_limit.count() else read(sent, choice, owner))
            yield done[-1]
    finally:
        for _, file in files:
            file.close()


def too_soon(sent: Sent) -> Row:
    """Refuse one file of those whose sender has sent too many."""
    return Row(shown_path(sent.path) or forms.UNNAMED, error=gettext(rate_limit.TOO_MANY))


def limits() -> Limits:
    """Return what a batch may hold, as the settings say."""
    config = current_app.config
    return Limits(config["BATCH_COUNT"], config["MAX_CONTENT_LENGTH"], config["BATCH_UNPACKED_BYTES"])
