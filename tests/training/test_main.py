"""The command line of the training kit."""

import subprocess
import sys
from pathlib import Path

import pytest

from training.__main__ import main
from training.steps import STEPS

ROOT = Path(__file__).resolve().parents[2]
HELP = """
import sys
from training.__main__ import main
for step in sys.argv[1:]:
    try:
        main(([] if step == "training" else [step]) + ["--help"])
    except SystemExit:
        print("loaded:", *sys.modules)
"""


def test_help_of_every_step_comes_at_once() -> None:
    words = [sys.executable, "-c", HELP, "training", *(step.name for step in STEPS)]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.count("usage: python -m training") == 1 + len(STEPS)
    assert not {"tensorflow", "keras", "cv2", "pandas", "sklearn", "matplotlib"} & set(said.split())


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
