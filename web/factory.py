"""Puts the application together."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import cv2
from flask import Flask
from jinja2 import FileSystemBytecodeCache

from web import i18n, logs, metrics, services, settings
from web.api import resources
from web.batch import uploads
from web.security import headers, rate_limit, slow_uploads, visitors
from web.views import about, analyses, api_docs, batch, errors, explain, index, models, navigation, password, result
from web.views.health import ProbedRequest, health
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
    metrics.init_app(app)
    rate_limit.limit(app)
    password.guard(app)
    headers.protect(app)
    slow_uploads.watch(app)
    visitors.remember(app)
    i18n.speak(app)
    errors.register(app)
    app.context_processor(navigation.context)
    app.register_blueprint(health)
    for view in (index, about, result, analyses, batch, models, explain, api_docs):
        app.register_blueprint(view.blueprint)
    if registry is None:
        registry = Registry.load(
            Path(app.config["MODEL_DIR"]),
            backbone=app.config["BACKBONE"],
            pool_size=app.config["POOL_SIZE"],
            threads=app.config["THREADS"],
        )
        memory.forget_read_files(Path(app.config["MODEL_DIR"]))
    services.provide(app, registry)
    resources.register(app)
    return app


def _keep_compiled_templates(app: Flask) -> None:
    """Compile the templates once, not at each start: kept beside them, as Python keeps its modules."""
    folder = settings.ROOT / "templates" / "__pycache__"
    with suppress(OSError):
        folder.mkdir(exist_ok=True)
    if os.access(folder, os.W_OK):
        app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(folder))
