"""Command line: one row per radiograph and model, and one for both models together."""

import argparse
import csv
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import cv2

from xray import memory
from xray.analysis import BOTH_MODELS, Analysis, Analyzer
from xray.annotate.annotated_copy import annotate
from xray.combined import MODELS, NAME, Combined, combine
from xray.errors import ImageError, ModelError
from xray.io.image import is_picture_here, read
from xray.io.limits import Limits
from xray.io.pixels import TURNS
from xray.io.png import encode_png
from xray.networks.heads import LabelScore
from xray.prediction import Prediction
from xray.quality.cautions import Caution
from xray.registry import BACKBONE

COLUMNS = ("file", "model", "verdict", "score", "threshold", "error", "cautions")
LONGEST_STEM = 100
# A folder is read fastest with one radiograph on each core; more would only take memory.
AT_ONCE = min(os.cpu_count() or 1, 4)

Row = dict[str, Any]
Found = tuple[Analysis | None, str]  # or the error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, 1 if a radiograph failed, or 2 if nothing could be done."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments[:1] == ["archive"]:
        from xray.archive.command import main as archive  # other commands need none of it

        return archive(arguments[1:])
    parser = _parser()
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)  # each core has a radiograph of its own
    memory.configure_malloc()
    try:
        analyzer = Analyzer.load(backbone=options.backbone, pool_size=AT_ONCE, threads=1)
        models = analyzer.expand(options.model)
        if options.annotated:
            options.annotated.mkdir(parents=True, exist_ok=True)
    except (ModelError, ValueError, OSError) as error:
        parser.error(str(error))
    try:
        return _run(analyzer, models, options)
    except BrokenPipeError:
        # The reader (such as `head`) closed the pipe; the interpreter's last flush must not raise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m xray",
        description="Judge chest radiographs. Research and education only, not a diagnosis.",
        epilog="Exit status: 0 all pictures judged, 1 one or more failed, 2 nothing could be done.",
    )
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a picture (PNG, JPEG, DICOM), or a folder that is searched through, hidden files left out",
    )
    parser.add_argument(
        "--model",
        default=BOTH_MODELS,
        help="a model of model/ such as covid_normal, both (default): covid_normal and covid_pneumo, and a row "
        f"`{NAME}` for the two read together, or all; of several classes each has a row MODEL:CLASS",
    )
    parser.add_argument(
        "--backbone", default=BACKBONE, help=f"{BACKBONE} (default), or another network of model/ that heads stand on"
    )
    parser.add_argument(
        "--turn", type=int, choices=TURNS, default=0, help="degrees clockwise by which each picture is turned first"
    )
    parser.add_argument(
        "--format", choices=("csv", "json"), default="csv", help="csv (default) or json: one array of objects"
    )
    parser.add_argument(
        "--annotated", type=Path, metavar="DIR", help="save an annotated PNG per model; no file is overwritten"
    )
    return parser


def _run(analyzer: Analyzer, models: tuple[str, ...], options: argparse.Namespace) -> int:
    """Write the rows as soon as they are known; return 1 if one of them has an error."""
    files = [found for path in options.paths for found in _find(path)]
    progress = _Progress(len(files), sys.stderr)
    failed = False

    def rows() -> Iterator[Row]:
        nonlocal failed
        names = tuple(name for model in models for name in _names(analyzer, model))
        analysed = _in_order(lambda file: _analysed(analyzer, models, *file, options.turn), files)
        for (path, _), (analysis, problem) in zip(files, analysed, strict=True):
            progress.show(path)
            for row in _judge(names, path, analysis, problem, options.annotated):
                failed |= bool(row["error"])
                progress.clear()
                yield row

    sys.stdout.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]  # names that are not UTF-8
    (_write_json if options.format == "json" else _write_csv)(rows(), sys.stdout)
    progress.clear()
    return int(failed)


def _in_order(work: Callable[[tuple[str, str]], Found], files: Sequence[tuple[str, str]]) -> Iterator[Found]:
    """Analyse several files at a time, not far ahead, and yield the results in the order of the files."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        ahead: deque[Future[Found]] = deque()
        for file in files:
            ahead.append(threads.submit(work, file))
            if len(ahead) > 2 * AT_ONCE:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _find(given: str) -> Iterator[tuple[str, str]]:
    """Yield the radiographs at a path in sorted order, each with its error if it has one already, else ""."""
    if not os.path.isdir(given):
        yield given, ""
        return
    found: list[tuple[str, str]] = []
    closed: list[OSError] = []
    for folder, folders, names in os.walk(given, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = [os.path.join(folder, name) for name in names if not name.startswith(".")]
        found += [(path, "") for path in paths if is_picture_here(path)]
    found += [(str(error.filename), _unreadable("folder", error)) for error in closed]
    if not found:
        found = [(given, "Expected a folder with pictures (PNG, JPEG or DICOM). Received one without.")]
    yield from sorted(found)


def _analysed(analyzer: Analyzer, models: tuple[str, ...], path: str, problem: str, turn: int) -> Found:
    """Analyse a file, or return its error."""
    try:
        if problem:
            return None, problem
        # One byte more than the limit shows that it is too large.
        return analyzer.analyse(read(path, Limits().size_bytes + 1), models, turn=turn), ""
    except ImageError as error:
        return None, str(error)
    except OSError as error:
        return None, _unreadable("file", error)


def _names(analyzer: Analyzer, model: str) -> list[str]:
    """Name the rows of a model: one for the model of a pair, else one for each label."""
    facts = analyzer.registry.heads[model].facts
    return [model] if facts.is_pair else [f"{model}:{label}" for label in facts.labels]


def _judge(
    models: tuple[str, ...], path: str, analysis: Analysis | None, problem: str, annotated: Path | None
) -> Iterator[Row]:
    """Yield the rows of each model, then that of both together; a failed radiograph has its error in each."""
    if analysis is None:
        names = (*models, NAME) if set(MODELS) <= set(models) else models
        yield from (_row(path, name, None, problem) for name in names)
        return
    for prediction in analysis.predictions:
        try:
            if annotated:
                _save(annotated, analysis, prediction, path)
            problem = ""
        except OSError as error:
            problem = f"Annotated copy not saved in {annotated}: {error.strerror}."
        for each in prediction.listed:
            yield _row(path, f"{prediction.model}:{each.label}", each, problem, analysis.cautions)
        if not prediction.listed:
            yield _row(path, prediction.model, prediction, problem, analysis.cautions)
    together = combine(analysis.predictions)
    if together:
        yield _row(path, NAME, together, "", analysis.cautions)


def _unreadable(what: str, error: OSError) -> str:
    return f"Expected a {what} that can be read. Received: {error.strerror}."


def _row(
    path: str,
    model: str,
    said: Prediction | LabelScore | Combined | None,
    problem: str,
    cautions: tuple[Caution, ...] = (),
) -> Row:
    return {
        "file": path,
        "model": model,
        "verdict": str(said.verdict) if said else None,
        "score": said.score if said else None,
        "threshold": round(said.threshold, 4) if said else None,
        "error": " ".join(problem.split()) or None,
        "cautions": list(cautions),
    }


def _save(folder: Path, analysis: Analysis, prediction: Prediction, path: str) -> None:
    """Save the annotated copy under an unused name."""
    name = os.path.basename(path)
    picture = encode_png(annotate(analysis, prediction, file_name=name, when=datetime.now(UTC).astimezone()))
    stem = os.path.splitext(name)[0][:LONGEST_STEM]
    percent = round(100 * prediction.score)
    base = f"{prediction.verdict}_Prob_{percent}_Name_{stem}_{prediction.model}"
    number = 1
    while True:
        try:
            with (folder / f"{base}{f'_{number}' if number > 1 else ''}.png").open("xb") as file:
                file.write(picture)
            return
        except FileExistsError:
            number += 1


def _write_csv(rows: Iterator[Row], out: TextIO) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        score, threshold = (None if row[key] is None else f"{row[key]:.4f}" for key in ("score", "threshold"))
        cautions = " ".join(row["cautions"])
        writer.writerow((row["file"], row["model"], row["verdict"], score, threshold, row["error"], cautions))
        out.flush()


def _write_json(rows: Iterator[Row], out: TextIO) -> None:
    """Write one array with an object on each line, each as soon as it is known."""
    separator = "["
    for row in rows:
        out.write(f"{separator}\n{json.dumps(row)}")
        out.flush()
        separator = ","
    out.write("\n]\n")


class _Progress:
    """Progress bar on a terminal; silent elsewhere."""

    def __init__(self, total: int, out: TextIO) -> None:
        """Count up to `total`."""
        self._done, self._total, self._out = 0, total, out

    def show(self, path: str) -> None:
        """Show the file that was analysed."""
        self._done += 1
        if self._out.isatty():
            filled = 20 * self._done // self._total
            name = os.path.basename(path)[:40]
            self._out.write(f"\r\033[K[{'#' * filled:<20}] {self._done}/{self._total} {name}")
            self._out.flush()

    def clear(self) -> None:
        """Clear the line, for a row or for the prompt."""
        if self._out.isatty():
            self._out.write("\r\033[K")
            self._out.flush()


if __name__ == "__main__":
    sys.exit(main())
