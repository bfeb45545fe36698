"""Puts the application together."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import cv2
from flask import Flask
from jinja2 import FileSystemBytecodeCache

from web import (
    frame,
    language,
    logs,
    metrics,
    password,
    patience,
    rates,
    refusals,
    security,
    services,
    settings,
    visitor,
)
from web.analyses.pages import analyses
from web.api import interface
from web.batch import uploads
from web.batch.pages import batch
from web.health import ProbedRequest, health
from web.lesson.pages import lesson
from web.models.pages import models
from web.pages import pages
from web.preview import preview
from xray import memory
from xray.registry import Registry


class Request(ProbedRequest, uploads.Request):
    """A request as this application takes it: from probes by any name, and with many files in one."""


def create_app(config: Mapping[str, object] | None = None, *, registry: Registry | None = None) -> Flask:
    """Make the application, with its models loaded.

    Args:
        config: settings that win over the environment; tests pass them.
        registry: models that are already loaded; by default those of MODEL_DIR and BACKBONE.

    Returns:
        The WSGI application.

    Raises:
        ModelError: an artefact is missing or broken; the message names the mending command.
        SettingError: a setting that cannot be used.
    """
    memory.return_what_is_freed()
    # The networks' threads use the cores already, and a film's pictures are too small to be worth sharing.
    cv2.setNumThreads(1)
    app = Flask("web", root_path=str(settings.ROOT), instance_path=str(settings.ROOT / "instance"))
    # /batch/ is /batch: people type either.
    app.url_map.strict_slashes = False
    app.request_class = Request
    settings.configure(app, config)
    _keep_compiled_templates(app)
    logs.number(app)
    metrics.count(app)
    rates.limit(app)
    password.guard(app)
    security.protect(app)
    patience.watch(app)
    visitor.remember(app)
    language.speak(app)
    refusals.register(app)
    app.context_processor(frame.context)
    app.register_blueprint(pages)
    app.register_blueprint(health)
    app.register_blueprint(preview)
    app.register_blueprint(analyses)
    app.register_blueprint(batch)
    app.register_blueprint(models)
    app.register_blueprint(lesson)
    if registry is None:
        registry = Registry.load(
            Path(app.config["MODEL_DIR"]),
            backbone=app.config["BACKBONE"],
            pool_size=app.config["POOL_SIZE"],
            threads=app.config["THREADS"],
        )
        memory.forget_read_files(Path(app.config["MODEL_DIR"]))
    services.provide(app, registry)
    interface.register(app)
    return app


def _keep_compiled_templates(app: Flask) -> None:
    """Compile the templates once, not at each start: kept beside them, as Python keeps its modules."""
    folder = settings.ROOT / "templates" / "__pycache__"
    with suppress(OSError):
        folder.mkdir(exist_ok=True)
    if os.access(folder, os.W_OK):
        app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(folder))
