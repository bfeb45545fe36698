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


def test_a_film_that_failed_brings_its_own_rows_alone() -> None:
    made = ledger(3)
    for film in list(made.missing()):
        rows = made.rows(Outcome(film._replace(sha256="", problem="gone"), []))
        assert [(row.path, row.sha256, row.error) for row in rows] == [(film.address, "", "gone")] * 2
    assert made.count_failed() == 3 and list(made.failed()) == []


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


def test_a_content_that_cannot_be_judged_has_rows_under_all_its_names() -> None:
    made = ledger(2)
    made.add(File("/other.png", f"{0:064}", ""))
    made.plan()
    film = next(iter(made.missing()))
    rows = made.rows(Outcome(film._replace(problem="the worker died"), []))
    assert [row.path for row in rows] == ["/000000.png"] * 2 + ["/other.png"] * 2
    assert made.plan() == 1


def test_a_content_that_cannot_be_read_under_one_name_has_another() -> None:
    made = ledger(1)
    made.add(File("/other.png", f"{0:064}", ""))
    assert made.plan() == 1
    (film,) = made.missing()
    made.rows(Outcome(File(film.address, "", "gone"), []))
    assert made.plan() == 1
    assert [film.address for film in made.missing()] == ["/other.png"]
