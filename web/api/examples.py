"""Examples of answers in the OpenAPI document; a test compares them with real ones."""

from typing import Any

from web.api.answers import DISCLAIMER

HOST = "https://xray.example"
ID = "3q2-7wAAECAwQFBgcICQoL"
_PICTURES = {
    name: f"{HOST}/api/v1/analyses/{ID}/pictures/{name}"
    for name in ("film.jpg", "mask.png", "heat-covid_normal.png", "annotated-covid_normal.png")
}

ANALYSIS: dict[str, Any] = {
    "id": ID,
    "url": f"{HOST}/api/v1/analyses/{ID}",
    "created": "2026-11-21T15:04:05.678901+00:00",
    "file": "film.png",
    "width": 1024,
    "height": 1024,
    "model": "covid_normal",
    "turn": 0,
    "verdicts": [
        {
            "model": "covid_normal",
            "version": "2.0.0",
            "verdict": "POSITIVE",
            "score": 0.9712,
            "threshold": 0.2566,
            "band": {"low": 0.2566, "high": 0.6529},
            "classes": {"positive": "covid", "negative": "normal"},
            "called": "covid",
            "labels": [
                {
                    "label": "normal",
                    "verdict": "NEGATIVE",
                    "score": 0.0288,
                    "threshold": 0.7435,
                    "band": {"low": 0.3472, "high": 0.7435},
                },
                {
                    "label": "covid",
                    "verdict": "POSITIVE",
                    "score": 0.9712,
                    "threshold": 0.2566,
                    "band": {"low": 0.2566, "high": 0.6529},
                },
            ],
            "explained": "covid",
            "heat_in_lungs": 0.61,
            "heat_in_lungs_if_even": 0.38,
            "annotated": _PICTURES["annotated-covid_normal.png"],
            "card": f"{HOST}/models/covid_normal",
        }
    ],
    "combined": None,
    "cautions": [{"name": "low_resolution", "words": "Very small: fine detail is missing."}],
    "pictures": _PICTURES,
    "disclaimer": DISCLAIMER,
}

MODEL: dict[str, Any] = {
    "name": "covid_normal",
    "url": f"{HOST}/api/v1/models/covid_normal",
    "title": "Model 1: Covid / Normal",
    "version": "2.0.0",
    "created": "2026-11-21T13:32:13+00:00",
    "licence": "CC BY-NC-SA 4.0 (weights; code: MIT). Research and education only, not for diagnosis.",
    "classes": {"positive": "covid", "negative": "normal"},
    "exclusive": True,
    "labels": [
        {"label": "normal", "threshold": 0.7435, "band": {"low": 0.3472, "high": 0.7435}},
        {"label": "covid", "threshold": 0.2566, "band": {"low": 0.2566, "high": 0.6529}},
    ],
    "threshold": 0.2566,
    "band": {"low": 0.2566, "high": 0.6529},
    "metrics": {
        "films": 1035,
        "patients": 975,
        "positives": 305,
        "negatives": 730,
        "roc_auc": {"value": 0.873, "low": 0.847, "high": 0.899},
        "sensitivity": {"value": 0.885, "low": 0.841, "high": 0.923},
        "specificity": {"value": 0.627, "low": 0.591, "high": 0.664},
        "interval": "95 %, percentile bootstrap over patients and near-copies, 1000 draws, seed 0",
        "confounding": "4 of the 5 sources hold one class only: there, to know the hospital is to know the answer.",
    },
    "card": f"{HOST}/models/covid_normal",
}

MODELS: dict[str, Any] = {"models": [MODEL], "disclaimer": DISCLAIMER}
HEALTH: dict[str, Any] = {"status": "ok", "models": {"covid_normal": "2.0.0", "covid_pneumo": "2.0.0"}}
