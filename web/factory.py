"""The application factory."""

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import cv2
from flask import Flask
from jinja2 import FileSystemBytecodeCache

from web import i18n, logs, metrics, services, settings
from web.api import routes
from web.batch import uploads
from web.render import copy_words, findings
from web.security import headers, rate_limit, slow_uploads, visitors
from web.settings import SettingError
from web.views import (
    analyses,
    api_docs,
    batch,
    data,
    errors,
    explain,
    guess,
    health,
    index,
    models,
    navigation,
    password,
    result,
    shares,
)
from xray import memory
from xray.registry import Registry

log = logging.getLogger(__name__)

# Packages that are imported with the first request that needs them.
IMPORTED_LATE = ("PIL", "apispec", "flask_smorest", "marshmallow", "pydicom", "openjpeg", "webargs")
VIEWS = (index, result, shares, analyses, batch, models, data, explain, guess, api_docs, password, navigation, health)


class Request(health.ProbedRequest, uploads.Request):
    """A request that probes may send under any host name, and that may hold many files."""


def create_app(config: Mapping[str, object] | None = None, *, registry: Registry | None = None) -> Flask:
    """Create the application with its models loaded.

    Args:
        config: Settings that take precedence over the environment; tests pass them.
        registry: Models that are loaded already; by default those of MODEL_DIR and BACKBONE.

    Returns:
        The WSGI application.

    Raises:
        ModelError: An artefact is missing or broken; the message names the command that mends it.
        SettingError: A setting cannot be used.
    """
    _check_packages()
    memory.configure_malloc()
    # The networks' threads use the cores already, and the images are too small to be worth sharing.
    cv2.setNumThreads(1)
    app = Flask("web", root_path=str(settings.ROOT), instance_path=str(settings.ROOT / "instance"))
    app.url_map.strict_slashes = False  # people type /batch/ as well
    app.request_class = Request
    settings.configure(app, config)
    _cache_compiled_templates(app)
    # In the order in which they look at a request.
    for extension in (logs, metrics, rate_limit, password, headers, slow_uploads, visitors, i18n, errors, navigation):
        extension.init_app(app)
    findings.init_app(app)
    for view in VIEWS:
        app.register_blueprint(view.blueprint)
    services.init_app(app, registry or _load_models(app), copy_words.wording)
    routes.init_app(app)
    return app


def _check_packages() -> None:
    """Say at start-up, and not to a visitor, that a package is missing which is imported late."""
    missing = [name for name in IMPORTED_LATE if find_spec(name) is None]
    if missing:
        raise SettingError(
            f"Expected the packages of requirements.txt. Missing: {', '.join(missing)}. "
            "Install them: pip install -r requirements.txt"
        )


def _load_models(app: Flask) -> Registry:
    folder = Path(app.config["MODEL_DIR"])
    registry = Registry.load(
        folder,
        backbone=app.config["BACKBONE"],
        pool_size=app.config["POOL_SIZE"],
        threads=app.config["THREADS"],
    )
    memory.release_mapped_files(folder)
    for line in registry.skipped:
        log.warning("%s", line)
    return registry


def _cache_compiled_templates(app: Flask) -> None:
    """Keep compiled templates beside their sources, as Python keeps its modules: a start need not compile them."""
    folder = settings.ROOT / "templates" / "__pycache__"
    with suppress(OSError):
        folder.mkdir(exist_ok=True)
    if os.access(folder, os.W_OK):
        app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(folder))
