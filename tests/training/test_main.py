"""The command line of the training kit."""

import subprocess
import sys
from pathlib import Path

import pytest

from training.__main__ import main
from training.steps import STEPS

ROOT = Path(__file__).resolve().parents[2]
QUICK = [step.name for step in STEPS if step.arguments]


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in QUICK)], ids=" ".join)
def test_help_comes_at_once(words: list[str]) -> None:
    program = f"import sys; from training.__main__ import main\ntry: main({words})\nfinally: print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "usage: python -m training" in run.stdout, run.stderr
    assert not {"tensorflow", "keras", "cv2"} & set(run.stdout.split())


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["head", "nowhere.toml"], "nowhere.toml"),
        (["prepare", "--source", "nowhere"], "no such folder"),
        (["download", "nothing"], "names of data sets"),
    ],
)
def test_what_a_user_can_mend_is_one_line(words: list[str], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert problem in said and said.startswith(f"{words[0]}: ") and said.count("\n") == 1
