"""The models and networks that are served: a list, and a page for each."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint, Response, abort, jsonify, render_template

from web.render.findings import class_name, finding_name
from web.render.glossary import glossary
from web.render.models import failures, plots, tables, terms
from web.render.models.plain import in_plain_words
from web.services import services
from web.translation import gettext as _
from xray import head_figures
from xray.finding import of_model
from xray.networks.metadata import BackboneFacts, Facts, HeadFacts, MadeForBackbone, ScreenFacts
from xray.registry import BACKBONE, made_for

blueprint = Blueprint("models", __name__)

# The training steps that make an artefact, by its kind; training/README.md explains them.
COMMANDS = {
    "segmentation": ("segment", "export lungs"),
    "backbone": ("backbone", "export backbone"),
    "slim": ("slim", "export{option} backbone"),
    "screen": ("out-of-distribution{option}", "export{option} screen"),
    "opacity": ("export{option} opacity",),
    "head": (
        "head training/configs/{name}.toml{option}",
        "evaluate {runs}/{name}",
        "audit{option}",
        "export{option} head {name}",
    ),
}


@blueprint.get("/models")
def index() -> str:
    """Show the list."""
    return render_template(
        "models.html",
        artefacts=services().artefacts,
        labels=services().labels,
        figures=head_figures,
        headline_labels=_headline_labels,
        terms=terms,
        what=what,
        in_plain_words=in_plain_words,
        skipped=services().skipped,
    )


@blueprint.get("/models/<name>")
def card(name: str) -> str:
    """Show the page of one artefact."""
    facts = _artefact(name)
    started = facts.training.get("started")
    return render_template(
        "model.html",
        facts=facts,
        artefacts=services().artefacts,
        labels=services().labels,
        terms=terms,
        what=what,
        plain=in_plain_words(facts),
        contents=[],  # its sections fill it
        glossary=glossary(facts if isinstance(facts, HeadFacts) else None),
        created=datetime.fromisoformat(facts.created),
        started=datetime.fromisoformat(str(started)) if started else None,
        commands=_commands(facts),
        folder=_folder(facts),
        default_backbone=BACKBONE,
        **_parts(facts),
    )


def _folder(facts: Facts) -> str:
    """Return the folder of an artefact, relative to the repository."""
    home = made_for(Path("model"), facts.backbone) if isinstance(facts, MadeForBackbone) else Path("model")
    return (home / facts.name).as_posix()


def _commands(facts: Facts) -> list[str]:
    """Return the commands that make an artefact."""
    backbone = facts.name if isinstance(facts, BackboneFacts) else getattr(facts, "backbone", BACKBONE)
    option, runs = ("", "runs") if backbone == BACKBONE else (f" --backbone {backbone}", f"runs/{backbone}")
    steps = COMMANDS["slim" if isinstance(facts, BackboneFacts) and option else facts.kind]
    return [f"python -m training {step.format(name=facts.name, option=option, runs=runs)}" for step in steps]


@blueprint.get("/models/<name>.json")
def as_json(name: str) -> Response:
    """Send the metadata of one artefact as JSON."""
    response = jsonify(msgspec.to_builtins(_artefact(name)))
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.json"'
    return response


def what(facts: Facts) -> str:
    """Return in one sentence what an artefact does."""
    words: dict[str, str] = {
        "segmentation": _(
            "Finds the lungs. What it finds decides which part of the radiograph the other networks see."
        ),
        "backbone": _("Turns the lungs into features. Both models and the screen judge by these, and by nothing else."),
        "screen": _(
            "Refuses anything that is not a frontal chest radiograph, and warns of radiographs that deserve more doubt."
        ),
        "opacity": _("Shows where the lungs are whitened as radiologists marked it, and how much of them."),
    }
    if isinstance(facts, HeadFacts) and facts.is_pair:
        return str(
            _(
                "Answers one question: %(positive)s or %(negative)s?",
                positive=finding_name(of_model(facts.name, facts.positive, facts.positive, own=facts.is_own), facts),
                negative=class_name(facts.negative, facts),
            )
        )
    if isinstance(facts, HeadFacts):
        names = ", ".join(class_name(label, facts) for label in facts.labels)
        if facts.exclusive:
            return str(_("Chooses one of several answers: %(names)s.", names=names))
        return str(_("Judges several findings, each by itself: %(names)s.", names=names))
    return words[facts.kind]


def _artefact(name: str) -> Facts:
    facts = services().artefacts.get(name)
    if facts is None:
        abort(404)
    return facts


def _parts(facts: Facts) -> Mapping[str, object]:
    """Return what only the page of one kind of artefact shows."""
    match facts:
        case HeadFacts():
            return {
                "plots": plots.plots(facts),
                "tables": tables.tables(facts),
                "failures": failures.failures(facts),
                "test": head_figures.tested(facts),
                "learned_from": _sources(facts),
            }
        case BackboneFacts():
            return {"tables": {"accuracies": tables.accuracies(facts)}}
        case ScreenFacts():
            return {"plots": plots.screened(facts), "tables": {"checks": tables.checks(facts)}}
    return {}


def _sources(facts: HeadFacts) -> list[str]:
    """Return the sources of the radiographs that a head was trained and tested on."""
    films: Any = facts.training.get("films", [])
    return sorted({row["source"] for row in films})


def _headline_labels(facts: HeadFacts) -> list[str]:
    """Return the labels whose figures the list of models shows: of exclusive labels the mean, or the pair's own."""
    found = head_figures.measured_labels(facts)
    return found[:1] if facts.exclusive else found
