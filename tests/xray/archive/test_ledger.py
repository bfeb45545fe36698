"""What is known in one run: no question takes longer the more films had an error."""

import itertools

from xray.archive.ledger import Ledger
from xray.archive.row import File, Outcome


def ledger(films: int) -> Ledger:
    """A ledger of so many films, each with a content and two models that are asked."""
    made = Ledger({"covid_normal": "3.0.0", "covid_pneumo": "3.0.0"}, "vgg16_cxr")
    for number in range(films):
        made.add(File(f"/{number:06}.png", f"{number:064}", ""))
    made.plan()
    return made


def test_a_failed_film_costs_the_same_however_many_failed_before() -> None:
    steps = []
    for films in (100, 800):
        made, count = ledger(films), itertools.count()
        found = list(made.missing())
        # Called at each instruction of SQLite's; what it returns lets it go on.
        made._base.set_progress_handler(lambda count=count: next(count) < 0, 1)
        for film in found:
            made.rows(Outcome(film._replace(problem="gone"), []))
        steps.append(next(count) / films)
    assert steps[1] < 1.5 * steps[0]
