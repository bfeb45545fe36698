"""What machines ask an instance: whether it lives, whether it can read films, and how it has been doing."""

import os
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, jsonify

from web import metrics
from web.analyses.store import StoreError
from web.services import services

health = Blueprint("health", __name__)


@health.get("/healthz")
def live() -> Response:
    """Say that this instance answers, and with which models; whoever restarts it asks here."""
    models = {name: facts.version for name, facts in services().models.items()}
    return jsonify(status="ok", models=models)


@health.get("/readyz")
def ready() -> tuple[Response, int]:
    """Say whether a film that came now could be read and kept; whoever sends visitors here asks first."""
    missing = [*_database(), *_folders()]
    return jsonify(status="not ready" if missing else "ready", missing=missing), 503 if missing else 200


@health.get("/metrics")
def measured() -> Response:
    """Show what was counted, as Prometheus reads it, where XRAY_METRICS asks for it."""
    found = metrics.of(current_app)
    if found is None:
        abort(404)
    return Response(found.exposed(), content_type=metrics.CONTENT_TYPE)


def _database() -> list[str]:
    try:
        services().desk.records.ask()
    except StoreError as error:
        current_app.logger.error("The database does not answer: %s", error)
        return ["database"]
    return []


def _folders() -> list[str]:
    """Name the folders that cannot be written; one that is not there yet is made with the first film."""
    desk = services().desk
    homes = {"annotated copies": desk.store.folder, "pictures": desk.pictures.folder}
    return [name for name, folder in homes.items() if not _may_write(folder)]


def _may_write(folder: Path) -> bool:
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return there.is_dir() and os.access(there, os.W_OK)
