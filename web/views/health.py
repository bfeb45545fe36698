"""What machines ask an instance: whether it lives, whether it can read films, and how it has been doing."""

from flask import Blueprint, Request, Response, abort, current_app, jsonify

from web import metrics
from web.analyses.folders import StoreError
from web.services import services

health = Blueprint("health", __name__)

PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class ProbedRequest(Request):
    """A request to which, where only machines ask, XRAY_TRUSTED_HOSTS does not apply.

    Probes call an instance by its own address, which no list of the site's names holds; and these answers make no
    address out of the host that was asked for.
    """

    _named: list[str] | None = None

    @property
    def trusted_hosts(self) -> list[str] | None:
        """The host names that are answered to; None: any."""
        # Not `path`: it is the same for //healthz, which is led on to an address with the host's name in it.
        return None if self.environ.get("PATH_INFO") in PATHS else self._named

    @trusted_hosts.setter
    def trusted_hosts(self, named: list[str] | None) -> None:
        self._named = named


@health.get("/healthz")
def live() -> Response:
    """Say that this instance answers, and with which models; whoever restarts it asks here."""
    models = {name: facts.version for name, facts in services().models.items()}
    return jsonify(status="ok", models=models)


@health.get("/readyz")
def ready() -> tuple[Response, int]:
    """Say whether a film that came now could be read and kept; whoever sends visitors here asks first."""
    missing = _missing()
    return jsonify(status="not ready" if missing else "ready", missing=missing), 503 if missing else 200


@health.get("/metrics")
def measured() -> Response:
    """Show what was counted, as Prometheus reads it, where XRAY_METRICS asks for it."""
    found = metrics.of(current_app)
    if found is None:
        abort(404)
    return Response(found.exposed(), content_type=metrics.CONTENT_TYPE)


def _missing() -> list[str]:
    desk = services().desk
    copies, pictures = desk.copies.folder, desk.pictures.folder
    parts = {"database": desk.records.ask, "annotated copies": copies.check, "pictures": pictures.check}
    missing = []
    for name, ask in parts.items():
        try:
            ask()
        except StoreError as error:
            current_app.logger.error("Not ready, %s: %s", name, error)
            missing.append(name)
    return missing
