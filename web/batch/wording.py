"""The words that the batch page's script says: it holds none of its own."""

from flask import current_app
from flask_babel import gettext as _

from web.batch import unpack
from web.settings import MIB


def words() -> dict[str, str]:
    """Return them in the visitor's language; {names} in braces are filled in by the script."""
    limit, size = current_app.config["BATCH_COUNT"], current_app.config["MAX_CONTENT_LENGTH"] // MIB
    return {
        "progress": _("{done} of {all} done"),
        "left": _("{done} of {all} done, about {time} left"),
        "finished": _("Finished: {read} read, {failed} not."),
        "stopped": _("Stopped: {read} read, {failed} not, {waiting} not sent."),
        "offline": _("This file could not be sent: the connection failed."),
        "busy": _("This file could not be read: the site was too busy or broke down ({status})."),
        "no_answer": _("The site does not answer. Try again in a moment."),
        "strange": _("The site answered in a way that this page does not understand. Load the page again."),
        "missing": _("This file cannot be read from your disk any more."),
        "nothing": _("There is no file in what you chose. Choose some files, a folder or a zip."),
        "many": _("Expected at most {limit} files at once, received {count}. Please send them in parts."),
        "damaged": _(unpack.DAMAGED),
        "damaged_member": _(unpack.DAMAGED_MEMBER),
        "encrypted": _(unpack.ENCRYPTED),
        "leads_out": _(unpack.LEADS_OUT),
        "method": _(unpack.METHOD),
        "no_file": _(unpack.NO_FILE),
        "ratio": _(unpack.RATIO, ratio=unpack.LARGEST_RATIO),
        "too_large": _(unpack.TOO_LARGE, limit=size, size="{size}"),
        "too_many": _(unpack.TOO_MANY, limit=limit),
        "zip64": _("This zip is larger than can be opened here. Please split it, or choose the folder instead."),
    }
