"""What the models learned from: counts and images of the training radiographs, as the training kit found them."""

from flask import Blueprint, render_template

from web.render.models import exploration, terms

blueprint = Blueprint("data", __name__)


@blueprint.get("/data")
def index() -> str:
    """Show the figures, or the command that makes them."""
    return render_template("data.html", figures=exploration.read(), exploration=exploration, terms=terms)
