"""An application whose networks are replaced by rules, so that each test chooses the score it wants."""

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from tests.artefacts import head_facts
from tests.web.results import make_result
from tests.web.sending import posted
from web.analyses.records import Record
from web.factory import create_app
from xray.networks.heads import Head
from xray.networks.metadata import OperatingPoint
from xray.networks.preprocess import LUNG_BOX, Recipe
from xray.opacity import OpacityMap
from xray.quality.out_of_distribution import Screen
from xray.registry import Backbone, Registry

SIZE = 64
FEATURES = np.random.default_rng(0).uniform(0, 1, (1, SIZE // 16, SIZE // 16, 512)).astype(np.float32)

MakeRegistry = Callable[..., Registry]
MakeClient = Callable[..., FlaskClient]


def two_lungs(side: int) -> np.ndarray:
    """Draw two ellipses where lungs would be; uint8, shape (side, side), values 0 or 255."""
    canvas = np.zeros((side, side), np.uint8)
    for centre in (0.3, 0.7):
        at, axes = (int(centre * side), int(0.5 * side)), (int(0.14 * side), int(0.32 * side))
        cv2.ellipse(canvas, at, axes, 0, 0, 360, 255, cv2.FILLED)
    return canvas


def find_two_lungs(_: np.ndarray) -> np.ndarray:
    """Stand in for the lung network."""
    return (two_lungs(128) / 255).astype(np.float32)[None, ..., None]


def give_features(_: np.ndarray) -> np.ndarray:
    """Stand in for the backbone."""
    return FEATURES.copy()


def make_head(name: str, title: str, labels: dict[str, float], low: float, high: float) -> Head:
    """Make a head that gives every radiograph the same scores, with sum 1; `covid` is its own, with these edges."""
    own = OperatingPoint(threshold=max(low, min(0.5, high)), negative_below=low, positive_from=high)
    points = (own.mirrored(), own) if len(labels) == 2 else (own,) * len(labels)
    facts = head_facts(name=name, version="1.2.3", title=title, labels=tuple(labels), points=points)
    # One channel speaks for each label: so little that it moves no score, and Grad-CAM is relative.
    kernel = np.zeros((512, len(labels)), np.float32)
    np.fill_diagonal(kernel, 1e-6)
    return Head(facts, kernel, np.log(np.clip(np.array([*labels.values()], np.float32), 1e-20, 1)))


@pytest.fixture
def make_registry(make_screen: Callable[..., Screen]) -> MakeRegistry:
    """Make models that give the scores, and a screen that gives the answers, asked for."""

    def make(
        covid_normal: float = 0.97,
        covid_pneumo: float = 0.12,
        segmenter: object = find_two_lungs,
        said: tuple[str, ...] = (),
        three_classes: tuple[float, ...] = (),
        opacity: OpacityMap | None = None,
    ) -> Registry:
        shares = {
            "covid_normal": {"normal": 1 - covid_normal, "covid": covid_normal},
            "covid_pneumo": {"pneumonia": 1 - covid_pneumo, "covid": covid_pneumo},
        }
        titles = {"covid_normal": "COVID-19 or normal", "covid_pneumo": "COVID-19 or pneumonia"}
        heads = {name: make_head(name, titles[name], labels, 0.4, 0.6) for name, labels in shares.items()}
        if three_classes:
            labels = dict(zip(("covid", "normal", "pneumonia"), three_classes, strict=True))
            heads["three_classes"] = make_head("three_classes", "Three classes", labels, 0.25, 0.25)
        backbone = Backbone(give_features, Recipe(LUNG_BOX, SIZE), None)
        return Registry(segmenter, backbone, make_screen(*said), heads, opacity=opacity)

    return make


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """The folder of annotated copies."""
    return tmp_path / "copies"


@pytest.fixture
def config(tmp_path: Path, copies: Path) -> dict[str, object]:
    """Settings that touch nothing outside the test's folder; CSRF is off, its own tests turn it on."""
    return {
        "SECRET_KEY": "a key for tests only",
        "INSTANCE_DIR": str(tmp_path / "instance"),
        "ANALYSIS_DIR": str(copies),
        "WTF_CSRF_ENABLED": False,
    }


@pytest.fixture
def make_app(make_registry: MakeRegistry, config: dict[str, object]) -> Callable[..., Flask]:
    """Make an application; keywords beside `registry` are settings."""

    def make(registry: Registry | None = None, **settings: object) -> Flask:
        return create_app(config | settings, registry=registry or make_registry())

    return make


@pytest.fixture
def make_client(make_app: Callable[..., Flask]) -> MakeClient:
    """Make a visitor of a fresh application."""
    return lambda *args, **settings: make_app(*args, **settings).test_client()


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    """A visitor of an application with model 1 positive and model 2 negative."""
    return make_client()


@pytest.fixture
def make_film() -> Callable[..., bytes]:
    """Draw a chest film as PNG."""

    def make(height: int = 200, width: int = 240, brightness: int = 170) -> bytes:
        grey = np.full((height, width), brightness, np.uint8)
        lungs = cv2.resize(two_lungs(256), (width, height)) > 127
        grey[lungs] = brightness // 3
        noise = np.random.default_rng(1).integers(0, 12, grey.shape, dtype=np.uint8)
        return cv2.imencode(".png", grey + noise)[1].tobytes()

    return make


@pytest.fixture
def film(make_film: Callable[..., bytes]) -> bytes:
    """One chest film as PNG."""
    return make_film()


@pytest.fixture
def film_of() -> Callable[..., np.ndarray]:
    """Fetch and decode a picture of the analysis that a result page shows."""

    def fetch(client: FlaskClient, page: str, name: str = "film.jpg") -> np.ndarray:
        address = re.search(rf'src="(/analyses/[^"]+/{re.escape(name)})"', page)[1]
        with client.get(address) as answer:
            assert answer.status_code == 200
            return cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_UNCHANGED)

    return fetch


@pytest.fixture
def send(film: bytes) -> Callable[..., TestResponse]:
    """Send the form as a browser does."""

    def post(client: FlaskClient, data: bytes = film, name: str = "film.png", **fields: str) -> TestResponse:
        file = FileStorage(BytesIO(data), name)
        return posted(client, "/query", {"model": "both", **fields, "file": file})

    return post


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """Make a stored analysis by both models; keywords are its fields."""

    def make(**fields: object) -> Record:
        defaults = {
            "id": secrets.token_urlsafe(16),
            "owner": "me",
            "created": datetime.now(UTC).replace(microsecond=0),
            "name": "film.png",
            "choice": "both",
            "width": 240,
            "height": 200,
            "box": (10, 190, 20, 220),
            "outline": "M40 50L60 50L60 120Z",
            "cautions": (),
            "results": (make_result("covid_normal", 0.97), make_result("covid_pneumo", 0.12)),
        }
        return Record(**(defaults | fields))

    return make
