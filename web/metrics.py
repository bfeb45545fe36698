"""Counters for Prometheus: requests, stages, verdicts, refusals and radiographs in hand; no names, no addresses.

This file imports nothing of ours, so that the analysis service may import it.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from flask import Flask, Response, current_app, g, request

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# From the time of a health check to the time at which hosts cut off a request, in seconds.
REQUEST_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
STAGE_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5)
_NAME = "metrics"


class Metrics:
    """The counters of one process; any number of threads may use it."""

    def __init__(self) -> None:
        """Begin at zero."""
        # Imported here: most deployments do not ask for it.
        import prometheus_client as prometheus

        self._registry = registry = prometheus.CollectorRegistry()
        self._generate = prometheus.generate_latest
        prometheus.ProcessCollector(registry=registry)
        self._requests = prometheus.Histogram(
            "xray_request_seconds", "Requests", ["endpoint", "status"], registry=registry, buckets=REQUEST_BUCKETS
        )
        self._stages = prometheus.Histogram(
            "xray_stage_seconds", "Stages of an analysis", ["stage"], registry=registry, buckets=STAGE_BUCKETS
        )
        self._verdicts = prometheus.Counter("xray_verdicts", "Verdicts", ["model", "verdict"], registry=registry)
        self._refusals = prometheus.Counter("xray_refusals", "Refused radiographs", ["reason"], registry=registry)
        self._in_hand = prometheus.Gauge("xray_films_in_hand", "Radiographs analysed or waiting", registry=registry)

    def exposed(self) -> bytes:
        """Return all counters in Prometheus' text format."""
        return self._generate(self._registry)

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            endpoint: Of Flask.
            status: The HTTP status of its answer.
            seconds: How long it took.
        """
        self._requests.labels(endpoint, status).observe(seconds)

    def read(self, verdicts: Iterable[tuple[str, str]], seconds: Mapping[str, float]) -> None:
        """Count a radiograph that was read.

        Args:
            verdicts: The name and the verdict of each model.
            seconds: How long each stage took.
        """
        for model, verdict in verdicts:
            self._verdicts.labels(model, verdict).inc()
        for stage, took in seconds.items():
            self._stages.labels(stage).observe(took)

    @contextmanager
    def film(self) -> Iterator[None]:
        """Count a radiograph while it is in hand, and the kind of the error that ends its reading, if any."""
        with self._in_hand.track_inprogress():
            try:
                yield
            except Exception as error:
                self._refusals.labels(type(error).__name__.removesuffix("Error")).inc()
                raise


def init_app(app: Flask) -> None:
    """Count an application's requests, if XRAY_METRICS asks for it."""
    if app.config["METRICS"]:
        app.extensions[_NAME] = Metrics()
        app.before_request(_start)
        app.after_request(_end)


def of(app: Flask) -> Metrics | None:
    """Return an application's counters; None if it has none."""
    found = app.extensions.get(_NAME)
    return found if isinstance(found, Metrics) else None


def _start() -> None:
    g.started = time.perf_counter()


def _end(response: Response) -> Response:
    if (metrics := of(current_app)) and (started := g.get("started")):
        metrics.answered(request.endpoint or "none", response.status_code, time.perf_counter() - started)
    return response
