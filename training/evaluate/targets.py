"""What the owner asked the models to reach, beside what the audit found they do."""

from training.metrics.figures import Json
from training.report.markdown import figure_text

CHILDREN = "the children's published test part"


def reached(report: Json) -> list[Json]:
    """Return one entry a target: figure, target, reached (in words, with n and interval), met, value, low and high.

    `low` and `high` are the interval's ends, None where there is no interval.
    """
    rows = {row["films"]: row for row in report["together"]}
    normal, pneumonia, covid = (
        rows[name] for name in (f"normal, {CHILDREN}", f"pneumonia, {CHILDREN}", "covid, cohen")
    )
    first, second = (report["models"][name] for name in ("covid_normal", "covid_pneumo"))
    found = report["without_nih"]["covid_pneumo"]["cohen COVID found"]
    return [
        _count("children, model 1: normals called COVID", normal, "covid_normal", 5),
        _count("children, model 2: pneumonias called COVID", pneumonia, "covid_pneumo", 1),
        _count("children, both together: normals called COVID", normal, "both", 2),
        _count("children, both together: pneumonias called COVID", pneumonia, "both", 3),
        _least("COVID found in cohen, model 1", covid["share"]["covid_normal"], 0.90, covid["n"]),
        _least("COVID found in cohen, model 2", covid["share"]["covid_pneumo"], 0.90, covid["n"]),
        _least("COVID found in cohen, both together", covid["share"]["both"], 0.85, covid["n"]),
        *_left_out(first),
        _most("adult pneumonia of nih called COVID by model 2, nih left out", _nih(report, "covid_pneumo"), 0.20),
        _most("adult normals of nih called COVID by model 1, nih left out", _nih(report, "covid_normal"), 0.05),
        _least("COVID found in cohen by model 2, nih left out", found["share"]["share"], 0.80, found["n"]),
        _told("COVID against other pneumonia inside cohen, AUC", second["inside"]["cohen"]["roc_auc"]),
        *[_erased(row) for row in report["erased"] if row["erasure"] == "lungs_erased"],
        *[
            _below(f"calibration error, {model['title']}", model["calibration"]["expected_calibration_error"], 0.03)
            for model in (first, second)
        ],
    ]


def _left_out(model: Json) -> list[Json]:
    """Return the AUC in each source that the head was trained without and that has both sides."""
    return [
        _least(
            f"model 1, {row['left_out']} left out, AUC",
            row["unseen"]["roc_auc"],
            0.85 if row["left_out"] == "nih" else 0.93,
            row["unseen"]["n"],
        )
        for row in model["leave_one_source_out"]
        if row["unseen"]["roc_auc"]
    ]


def _nih(report: Json, model: str) -> Json:
    return next(value for name, value in report["without_nih"][model].items() if name.startswith("nih"))


def _count(figure: str, row: Json, model: str, most: int) -> Json:
    called = row["called"][model]
    words = f"{called} of {row['n']} ({row['positive'][model]} POSITIVE)"
    return _entry(figure, f"at most {most}", words, called <= most, row["share"][model])


def _least(figure: str, found: Json, least: float, n: int) -> Json:
    return _entry(figure, f"at least {least:.2f}", f"{figure_text(found)}, n {n}", found["value"] >= least, found)


def _most(figure: str, row: Json, most: float) -> Json:
    share = row["share"]["share"]
    words = f"{figure_text(share)}, n {row['n']} ({row['positive']['share']} POSITIVE)"
    return _entry(figure, f"at most {most:.0%}", words, share["value"] <= most, share)


def _below(figure: str, value: float, most: float) -> Json:
    return _entry(figure, f"at most {most}", f"{value:.3f}", value <= most, {"value": value})


def _told(figure: str, found: Json) -> Json:
    return _entry(figure, "said", figure_text(found), True, found)


def _erased(row: Json) -> Json:
    """Judge by how far from 0.5 the area is: below it the score would mean the contrary."""
    found = row["roc_auc"]
    value = found["value"]
    words = f"{figure_text(found)}, n {row['n']}"
    return _entry(f"AUC of {row['model']} with the lungs erased", "at most 0.55", words, value <= 0.55, found)


def _entry(figure: str, target: str, words: str, met: bool, found: Json) -> Json:
    ends = {key: found.get(key) for key in ("value", "low", "high")}
    return {"figure": figure, "target": target, "reached": words, "met": bool(met), **ends}
