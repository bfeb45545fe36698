"""The page about what the models can and cannot do."""

from flask import Blueprint, render_template

from web.services import services
from xray.quality.cautions import Caution

blueprint = Blueprint("about", __name__)


@blueprint.get("/about")
def index() -> str:
    """Show the page."""
    return render_template("about.html", models=services().models, labels=services().labels, cautions=Caution)
