"""The real artefacts, facts for hand-made heads, and an encoder that no library of ours has."""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from xray.analysis import Analyzer
from xray.networks.heads import Head
from xray.networks.metadata import ArtefactFile, HeadFacts, OperatingPoint


@pytest.fixture(scope="session")
def analyzer() -> Analyzer:
    """The analyzer that is served, with the artefacts of model/."""
    return Analyzer.load()


@pytest.fixture(scope="session")
def small_head() -> Callable[..., Head]:
    """Make a head of random weights for features of any number of channels."""
    return make_small_head


def make_small_head(channels: int, seed: int = 0, **facts: Any) -> Head:
    """Make a head of random weights, in float64 for exact comparisons; keyword arguments replace facts."""
    point = OperatingPoint(threshold=0.5, negative_below=0.4, positive_from=0.6)
    known: dict[str, Any] = {
        "name": "covid_normal", "version": "1.0.0", "created": "2026-11-20T00:00:00Z", "title": "COVID-19 or normal",
        "file": ArtefactFile(name="head.npz", sha256="0" * 64, size_bytes=1), "licence": "MIT", "metrics": {},
        "training": {}, "parity": {}, "backbone": "vgg16_cxr", "backbone_sha256": "0" * 64,
        "labels": ("normal", "covid"), "exclusive": True, "positive": "covid", "temperature": 1.0,
        "points": (point.mirrored(), point),
    }  # fmt: skip
    made = HeadFacts(**(known | facts))
    rng = np.random.default_rng(seed)
    return Head(made, rng.normal(size=(channels, len(made.labels))), rng.normal(size=len(made.labels)))


@pytest.fixture(scope="session")
def lossless_jpeg() -> Callable[..., bytes]:
    """Encode a picture of some bits as lossless JPEG."""
    return encode_lossless_jpeg


def encode_lossless_jpeg(pixels: np.ndarray, bits: int, predictor: int = 1) -> bytes:
    """Encode by ITU-T T.81, annex H, predicting from the left, each of 17 categories with a code of 5 bits."""
    stored = pixels.astype(np.int64)
    predicted = np.empty_like(stored)
    predicted[:, 1:], predicted[1:, 0], predicted[0, 0] = stored[:, :-1], stored[:-1, 0], 1 << (bits - 1)
    written = ""
    for difference in ((stored - predicted + 2**15 - 1) % 2**16 - 2**15 + 1).ravel().tolist():
        category = abs(difference).bit_length()
        extra = difference if difference > 0 else difference + (1 << category) - 1
        written += f"{category:05b}" + (f"{extra:0{category}b}" if 0 < category < 16 else "")
    written += "1" * (-len(written) % 8)
    scan = int(written, 2).to_bytes(len(written) // 8).replace(b"\xff", b"\xff\0")
    height, width = pixels.shape
    return (
        b"\xff\xd8\xff\xc3"
        + struct.pack(">HBHHBBBB", 11, bits, height, width, 1, 1, 0x11, 0)
        + (b"\xff\xc4" + struct.pack(">HB", 36, 0) + bytes([0, 0, 0, 0, 17] + [0] * 11) + bytes(range(17)))
        + (b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, predictor, 0, 0) + scan + b"\xff\xd9")
    )
