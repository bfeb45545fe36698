"""On CI a program that is missing fails the suite; elsewhere it only skips these tests."""

import pytest

from tests.web.cloud import programs


@pytest.mark.parametrize(("on_ci", "outcome"), [(True, pytest.fail.Exception), (False, pytest.skip.Exception)])
def test_what_is_missing(monkeypatch, on_ci, outcome):
    monkeypatch.setattr(programs, "ON_CI", on_ci)
    with pytest.raises(outcome, match="needs no-such-program: apt-get install something"):
        programs.find("no-such-program", "something")
    with pytest.raises(outcome, match="requirements-dev"):
        programs.needs("no_such_module")
