"""The documents name only what exists: make targets, modules with their options, files, links, pictures."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = ("xray", "web", "training", "benchmarks", "tests")
ROOMS = (*CODE, "docs", "model", "dataset_validation", "notebooks", "templates", "static", ".ci")
DOCUMENTS = sorted(
    {ROOT / "README.md", *ROOT.glob("*.md"), *(p for room in ROOMS for p in ROOT.glob(f"{room}/**/*.md"))}
)
# Written when the project runs, so that a fresh checkout has none of it.
WRITTEN = re.compile(r"^(dataset_validation/\w+_validation|static/xray_analysis)\b")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = {"", "sh", "bash", "shell", "console", "text"}
LINK = re.compile(r"""\]\(\s*<?([^)\s>]+)|(?:src|href)="([^"]+)\"""")
# A module, with its step where it is one program of several.
MODULE = re.compile(
    r"^(?:\S*/)?python3? -m (training [a-z][\w-]*|xray archive|(?:xray|training\.|benchmarks)[a-z_.]*)(?=\s|$)(.*)$"
)


def commands(document: Path) -> list[str]:
    """Give a document's commands, in `code` and in blocks of shell, without prompts, output and remarks."""
    text = document.read_text(encoding="utf-8")
    found = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    for language, block in FENCE.findall(text):
        if language in SHELL:
            lines = block.replace("\\\n", " ").splitlines()
            prompted = [line for line in lines if line.startswith("$ ")]
            found += [line.removeprefix("$ ") for line in prompted or lines]
    return [re.sub(r"^(\w+=\S+ +)+", "", command.partition(" #")[0].strip()) for command in found]


def every(pattern: str | re.Pattern[str]) -> list[tuple[str, ...]]:
    """Find a pattern in the commands of all documents but the history; each answer starts with the document's name."""
    return sorted(
        {
            (document.relative_to(ROOT).as_posix(), *match.groups())
            for document in DOCUMENTS
            if document.exists() and document.name != "CHANGELOG.md"
            for command in commands(document)
            if (match := re.match(pattern, command))
        }
    )


# All in one process, since each for itself would import TensorFlow again.
ASK_FOR_HELP = """
import io, json, runpy, sys, traceback, warnings
from contextlib import redirect_stdout
warnings.simplefilter("ignore")
sys.path.insert(0, "")
said = {}
for program in sys.argv[1:]:
    module, *step = program.split()
    sys.argv = [module, *step, "--help"]
    with redirect_stdout(io.StringIO()) as out:
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            said[program] = out.getvalue() if not end.code else ""
        except BaseException:
            said[program] = traceback.format_exc()
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    """What each program of the documents prints for --help; a traceback where it could not."""
    programs = sorted({program for _, program, _ in every(MODULE)})
    command = [sys.executable, "-c", ASK_FOR_HELP, *programs]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize(("document", "targets"), every(r"make ((?:[a-z]+ ?)+)"))
def test_make_targets_exist(document: str, targets: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert not set(targets.split()) - set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize(("document", "program", "arguments"), every(MODULE))
def test_programs_run_and_know_their_options(document, program, arguments, helps):
    missing = re.search(r"ModuleNotFoundError: No module named '(\w+)", helps[program])
    if missing and missing[1] not in ROOMS:
        pytest.skip(f"python -m {program} needs {missing[1]}, which is not installed")
    assert helps[program].startswith("usage:"), helps[program]
    options = set(re.findall(r"(?<!\S)\[?(--[\w-]+)", arguments))
    assert not options - set(re.findall(r"--[\w-]+", helps[program]))


@pytest.mark.parametrize(("document", "path"), every(rf"((?:{'|'.join(map(re.escape, ROOMS))})/[\w./-]+)$"))
def test_files_exist(document: str, path: str) -> None:
    assert WRITTEN.match(path) or (ROOT / path).exists()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_pictures_lead_somewhere(document: Path) -> None:
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    targets = {(first or second).partition("#")[0] for first, second in LINK.findall(text)}
    relative = {target for target in targets if target and not re.match(r"\w+:", target)}
    assert not {target for target in relative if not (document.parent / target).exists()}
