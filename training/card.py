"""The model card of an artefact, written from its metadata."""

from typing import Any


def render(facts: dict[str, Any]) -> str:
    return f"# {facts['title']}\n"
