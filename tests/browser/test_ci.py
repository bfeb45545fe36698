"""On CI a browser that is missing fails the suite; elsewhere it only skips these tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ONE = "tests/browser/test_browser.py::test_the_annotated_copy_can_be_downloaded"


@pytest.mark.parametrize(("ci", "outcome"), [("true", "1 error"), ("", "1 skipped")])
def test_a_missing_browser(ci: str, outcome: str) -> None:
    pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    # Without a PATH there is no Chromium.
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", ONE],
        cwd=ROOT,
        env=os.environ | {"PATH": "", "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome in done.stdout and "needs Chromium" in done.stdout
    assert done.returncode == (ci == "true")
