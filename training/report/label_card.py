"""What the card and the metadata of a multi-label head hold of its report."""

from training.evaluate.baselines import BASELINES
from training.metrics.figures import Json
from training.report.class_card import markdown, parity_part, rounded
from training.report.label_report import table_of
from xray.prediction import in_words

MEANING = """**What the scores mean.** Each label has a score of its own; they need not sum to 1, and several may be
POSITIVE: a film of COVID-19 is abnormal and viral as well. A label learned only from sources that hold films with and
without it, so it was never paid for knowing the hospital; films of which nobody says it were left out. Bacterial
against viral is told by the children of one hospital almost alone."""


def summary(report: Json) -> Json:
    """Keep of a report what the card and the pages show, rounded; the rest stays in the run."""
    kept = ("interval", "labels", "together")
    found: Json = rounded({name: report[name] for name in kept})
    return found


def parts(facts: Json) -> list[str]:
    """Return the card's own parts."""
    metrics = facts["metrics"]
    found = [f"{', '.join(in_words(name) for name in facts['classes'])}: each judged by itself.", MEANING]
    for (name, of), point in zip(metrics["labels"].items(), facts["points"], strict=True):
        band = point["band"]
        rows = {"all sources": of["test"]["all"]}
        rows |= {f"*baseline without lungs: {BASELINES[key]}*": row for key, row in of["baselines"].items()}
        rows |= {f"{key} left out": row for key, row in of["left_out"].items()}
        rows |= {f"learned and judged in {key} alone": row for key, row in of["inside"].items()}
        said = (
            f"POSITIVE from {band['high']:.4f}, NEGATIVE below {band['low']:.4f}; threshold {point['threshold']:.4f}."
        )
        found.append(f"## {in_words(name)}\n\n{said}\n\n{markdown(table_of('Figures', rows))}")
    return [*found, *parity_part(facts["parity"])]
