"""The navigation that frames every page."""

from flask import Flask
from flask_babel import gettext as _


def init_app(app: Flask) -> None:
    """Give the templates of an application their navigation."""
    app.context_processor(_context)


def _context() -> dict[str, object]:
    """Return the links by endpoint."""
    links = {
        "index.index": _("Analyse"),
        "batch.index": _("Many"),
        "analyses.index": _("My analyses"),
        "models.index": _("Models"),
        "explain.index": _("How it works"),
        "about.index": _("About"),
    }
    return {"links": links}
