"""What the card and the metadata of a head of several classes hold of its report."""

from typing import Any

from training.evaluate.baselines import BASELINES
from training.metrics.figures import Json
from training.report.class_report import figures, verdicts
from training.report.html import Table
from training.report.markdown import table
from xray.prediction import in_words

MEANING = """**What the scores mean.** One softmax: the scores of all classes sum to 1. The head learned each film
against the classes of its own source alone (children and adults of one hospital each: normal against pneumonia; one
collection: all three), so it was never paid for knowing the hospital. A class is *plausible* from its threshold up; the
verdict is the only plausible class, INCONCLUSIVE where none or several are. POSITIVE and NEGATIVE are said of
{positive}."""
CONFOUNDING = """**How far to believe them.** Most sources hold one class or two: over all sources the figures measure
hospital and disease together. The rows without lungs say how much of it the hospital tells; believe the sources left
out, and the classes inside one source."""


def summary(report: Json) -> Json:
    """Keep of a report what the card and the pages show, rounded; the rest stays in the run."""
    kept = ("interval", "error_rate", "test", "held_out", "baselines", "left_out", "inside")
    found: Json = rounded({name: report[name] for name in kept})
    return found


def rounded(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Round the figures of a report to 6 decimals."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def parts(facts: Json) -> list[str]:
    """Return the card's own parts."""
    metrics, classes = facts["metrics"], facts["classes"]
    points = zip(classes, facts["points"], strict=True)
    thresholds = ", ".join(f"{in_words(name)} {point['threshold']:.4f}" for name, point in points)
    beside = {"all sources": metrics["test"]["all"]}
    beside |= {f"*baseline without lungs: {BASELINES[name]}*": row for name, row in metrics["baselines"].items()}
    return [
        f"{', '.join(in_words(name) for name in classes)}: a score for each. Plausible from: {thresholds}; each chosen "
        f"so that {1 - metrics['error_rate']:.0%} of the class's validation films reach it.",
        MEANING.format(positive=in_words(facts["positive"])),
        f"## Figures\n\n{markdown(figures('Test films, each class against the rest', beside))}",
        CONFOUNDING,
        f"## Verdicts on test films, by source\n\n{markdown(verdicts('Counts', metrics['test']['sources'], classes))}",
        f"## Another hospital\n\n{markdown(figures('Source left out', metrics['left_out']))}"
        f"\n\n{markdown(verdicts('Verdicts there', metrics['left_out'], classes))}",
        f"## Inside one source\n\n{markdown(figures('Learned and judged there', metrics['inside'], ('roc_auc',)))}",
        *parity_part(facts["parity"]),
    ]


def parity_part(parity: Json) -> list[str]:
    """Say how far what is served is what was trained; nothing before it was compared."""
    if not parity:
        return []
    return [
        "## As served against Keras in float32\n\n"
        f"{parity['pictures']} test pictures: same verdict {parity['same_verdict']:.1%}; largest score difference of a "
        f"picture {parity['score_difference_median']:.4f} (median), {parity['score_difference_max']:.4f} (largest).",
    ]


def markdown(found: Table) -> str:
    """Write a table."""
    return f"*{found.caption}*\n\n" + table(list(found.head), [[str(cell) for cell in row] for row in found.rows])
