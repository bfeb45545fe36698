"""Ledger of one run: a failed file costs the same however many failed before."""

import itertools

from xray.archive.ledger import Ledger
from xray.archive.row import File, Outcome


def test_a_failed_file_costs_the_same_however_many_failed_before() -> None:
    steps = []
    for files in (100, 800):
        ledger, count = Ledger({"covid_normal": "3.0.0", "covid_pneumo": "3.0.0"}, "vgg16_cxr"), itertools.count()
        for number in range(files):
            ledger.add(File(f"/{number:06}.png", f"{number:064}", ""))
        ledger.plan()
        found = list(ledger.missing())
        # Called at each instruction of SQLite's; what it returns lets it go on.
        ledger._base.set_progress_handler(lambda count=count: next(count) < 0, 1)
        for file in found:
            ledger.rows(Outcome(file._replace(problem="gone"), []))
        steps.append(next(count) / files)
    assert steps[1] < 1.5 * steps[0]
