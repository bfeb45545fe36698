"""Health checks and metrics: whether an instance lives, whether it can serve, and what it has counted."""

from flask import Blueprint, Request, Response, abort, current_app, jsonify

from web import metrics
from web.analyses.folders import StoreError
from web.services import services

blueprint = Blueprint("health", __name__)

PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class ProbedRequest(Request):
    """A request that XRAY_TRUSTED_HOSTS does not apply to where only machines ask.

    Probes call an instance by its own address, which is not among the site's names; and these answers contain no
    address made of the requested host.
    """

    _named: list[str] | None = None

    @property
    def trusted_hosts(self) -> list[str] | None:
        """The host names that are answered to; None: any."""
        # Not `path`: it is the same for //healthz, which is redirected to an address with the host's name in it.
        return None if self.environ.get("PATH_INFO") in PATHS else self._named

    @trusted_hosts.setter
    def trusted_hosts(self, named: list[str] | None) -> None:
        self._named = named


@blueprint.get("/healthz")
def live() -> Response:
    """Return 200 with the versions of the models: the liveness probe."""
    models = {name: facts.version for name, facts in services().models.items()}
    return jsonify(status="ok", models=models)


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """Return whether a radiograph could be analysed and stored now: the readiness probe."""
    missing = _missing()
    return jsonify(status="not ready" if missing else "ready", missing=missing), 503 if missing else 200


@blueprint.get("/metrics")
def measured() -> Response:
    """Return the counters for Prometheus, if XRAY_METRICS asks for them."""
    found = metrics.of(current_app)
    if found is None:
        abort(404)
    return Response(found.exposed(), content_type=metrics.CONTENT_TYPE)


def _missing() -> list[str]:
    service = services().analyses
    copies, pictures = service.copies.folder, service.pictures.folder
    parts = {"database": service.records.ask, "annotated copies": copies.check, "pictures": pictures.check}
    missing = []
    for name, ask in parts.items():
        try:
            ask()
        except StoreError as error:
            current_app.logger.error("Not ready, %s: %s", name, error)
            missing.append(name)
    return missing
