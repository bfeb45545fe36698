"""What is served, model by model, and how one radiograph is read, step by step."""

from flask import Blueprint

models = Blueprint("models", __name__)


@models.get("/models")
def index() -> str:
    """List what is served."""
    return ""


@models.get("/models/<name>")
def card(name: str) -> str:
    """Show one artefact."""
    return name


@models.get("/how")
def how() -> str:
    """Follow one radiograph."""
    return ""
