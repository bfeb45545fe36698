"""The frame of every page: which pages its navigation leads to."""

from flask import current_app
from flask_babel import gettext as _


def context() -> dict[str, object]:
    """Give the templates the frame's links: endpoint and name, of the pages that this application has."""
    links = {
        "index.index": _("Analyse"),
        "batch.index": _("Many"),
        "analyses.index": _("My analyses"),
        "models.index": _("Models"),
        "explain.index": _("How it works"),
        "about.index": _("About"),
    }
    return {"links": {endpoint: name for endpoint, name in links.items() if endpoint in current_app.view_functions}}
