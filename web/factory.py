"""Puts the application together."""

from collections.abc import Mapping
from pathlib import Path

from flask import Flask

from web import frame, language, memory, password, refusals, security, services, settings, visitor
from web.analyses.pages import analyses
from web.api import interface
from web.batch.pages import batch
from web.lesson.pages import lesson
from web.models.pages import models
from web.pages import pages
from web.preview import preview
from xray.registry import Registry


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
    app = Flask("web", root_path=str(settings.ROOT), instance_path=str(settings.ROOT / "instance"))
    settings.configure(app, config)
    password.guard(app)
    security.protect(app)
    visitor.remember(app)
    language.speak(app)
    refusals.register(app)
    app.context_processor(frame.context)
    app.register_blueprint(pages)
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
    services.provide(app, registry)
    interface.register(app)
    return app
