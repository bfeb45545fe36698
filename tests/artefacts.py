"""Facts of artefacts made by hand."""

from typing import Any

from xray.networks.metadata import ArtefactFile, HeadFacts, OperatingPoint

POINT = OperatingPoint(threshold=0.5, negative_below=0.4, positive_from=0.6)
NO_FILE = ArtefactFile(name="head.npz", sha256="0" * 64, size_bytes=1)


def head_facts(**facts: Any) -> HeadFacts:
    """Make the facts of a pair; keyword arguments replace some."""
    known: dict[str, Any] = {
        "name": "covid_normal", "version": "1.0.0", "created": "2026-11-20T00:00:00Z", "title": "COVID-19 or normal",
        "file": NO_FILE, "licence": "MIT", "metrics": {}, "training": {}, "parity": {}, "backbone": "vgg16_cxr",
        "backbone_sha256": "0" * 64, "labels": ("normal", "covid"), "exclusive": True, "positive": "covid",
        "temperature": 1.0, "points": (POINT.mirrored(), POINT),
    }  # fmt: skip
    return HeadFacts(**(known | facts))
