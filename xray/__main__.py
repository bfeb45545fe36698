"""Command line: one row per radiograph and model, and one for both models together."""

import argparse
import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any, TextIO

import cv2
import numpy as np

from xray import memory, opacity
from xray.analysis import BOTH_MODELS, Adjustments, Analysis, Analyzer
from xray.annotate.annotated_copy import annotate, encode
from xray.archive.local_engine import in_order
from xray.combined import NAME, Answer, rows, versions
from xray.errors import ImageError, ModelError
from xray.io import zips
from xray.io.image import START_BYTES, read_start, sniff
from xray.io.limits import Limits
from xray.io.pixels import TURNS
from xray.io.png import encode_png
from xray.io.storage import LeftOut, walk_here
from xray.prediction import Prediction
from xray.quality.frame import Part
from xray.registry import BACKBONE

COLUMNS = (
    "file", "model", "verdict", "score", "threshold", "error", "cautions", *opacity.COLUMNS, "finding",
    "negative_below", "positive_from",
)  # fmt: skip
SCORES = ("score", "threshold", "negative_below", "positive_from")
LONGEST_STEM = 100
# A folder is read fastest with one radiograph on each core; more would only take memory.
ZIP_LIMITS = zips.Limits(count=100_000, file_bytes=Limits().size_bytes, total_bytes=2**40)
AT_ONCE = min(os.cpu_count() or 1, 4)

Row = dict[str, Any]
Found = tuple[Analysis | None, str]  # or the error
# A file as its rows name it, its error if it has one already, and how it is read.
File = tuple[str, str, Callable[[], bytes]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, 1 if a radiograph failed, or 2 if nothing could be done."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments[:1] == ["archive"]:
        from xray.archive.command import main as archive  # the other command needs none of it

        return archive(arguments[1:])
    parser = _parser()
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)  # each core has a radiograph of its own
    memory.configure_malloc()
    try:
        analyzer = Analyzer.load(backbone=options.backbone, pool_size=AT_ONCE, threads=1)
        models = analyzer.expand(options.model)
        if options.opacity_maps and not analyzer.registry.opacity:
            raise ValueError(f"Expected a backbone with an opacity map. {options.backbone} has none: leave it out.")
        for folder in filter(None, (options.annotated, options.opacity_maps)):
            folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        parser.error(f"Expected the name of a folder. Received a file: {error.filename}.")
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
        epilog="A verdict follows from the edges negative_below and positive_from; the threshold is only where the "
        "card's sensitivity and specificity were measured. Exit status: 0 all pictures judged, 1 one or more failed, 2 "
        "nothing could be done.",
    )
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a picture (PNG, JPEG, DICOM, TIFF, BMP, WebP, AVIF), a zip, or a folder that is searched through, hidden "
        "files left out",
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
        "--part",
        type=Part,
        choices=tuple(Part),
        help="which of two pictures in one is read; without it the frontal one is, and of two frontal ones none",
    )
    parser.add_argument("--straighten", action="store_true", help="turn tilted radiographs upright first")
    parser.add_argument(
        "--format", choices=("csv", "json"), default="csv", help="csv (default) or json: one array of objects"
    )
    parser.add_argument(
        "--annotated", type=Path, metavar="DIR", help="save an annotated JPEG per model; no file is overwritten"
    )
    parser.add_argument(
        "--opacity-maps",
        type=Path,
        metavar="DIR",
        help="save each picture's opacity map as a PNG of its own size, grey = 255 times the probability",
    )
    return parser


def _run(analyzer: Analyzer, models: tuple[str, ...], options: argparse.Namespace) -> int:
    """Write the rows as soon as they are known; return 1 if one of them has an error."""
    left_out = LeftOut()
    files = [found for path in options.paths for found in _find(path, left_out)]
    if left_out.kinds:
        print(left_out, file=sys.stderr)
    names = tuple(versions(analyzer.registry.heads, models))
    adjust = Adjustments(options.turn, options.part, options.straighten)
    failed = False

    def judged() -> Iterator[Row]:
        nonlocal failed
        analysed = in_order(lambda file: _analysed(analyzer, models, file, adjust), files, AT_ONCE)
        for done, ((path, *_), (analysis, problem)) in enumerate(zip(files, analysed, strict=True), 1):
            bar = "#" * (20 * done // len(files))
            _show_progress(f"[{bar:<20}] {done}/{len(files)} {os.path.basename(path)[:40]}")
            for row in _judge(names, path, analysis, problem, options):
                failed |= bool(row["error"])
                _show_progress("")
                yield row

    sys.stdout.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]  # names that are not UTF-8
    (_write_json if options.format == "json" else _write_csv)(judged(), sys.stdout)
    _show_progress("")
    return int(failed)


def _show_progress(line: str) -> None:
    """Rewrite the terminal's last line; silent elsewhere."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{line}")
        sys.stderr.flush()


def _find(given: str, left_out: LeftOut) -> Iterator[File]:
    """Yield the radiographs at a path, those in zips too, in sorted order."""
    closed: list[OSError] = []
    if not os.path.isdir(given):
        yield from _files(given, left_out)
        return
    found = [file for path in walk_here(given, left_out, closed) for file in _files(path, left_out)]
    found += [_failed(str(error.filename), _unreadable("folder", error)) for error in closed]
    if not found:
        found = [_failed(given, "Expected a folder with pictures (PNG, JPEG or DICOM). Received one without.")]
    yield from sorted(found, key=lambda file: file[0])


def _files(path: str, left_out: LeftOut) -> Iterator[File]:
    """Yield a file itself or, of a zip, the radiographs in it."""
    try:
        is_zip = os.path.isfile(path) and sniff(read_start(path, START_BYTES)) == "ZIP"
        if not is_zip:
            # One byte more than the limit shows that it is too large.
            yield path, "", partial(read_start, path, Limits().size_bytes + 1)
            return
        with open(path, "rb") as file:
            members = zips.films(file, ZIP_LIMITS)
    except zips.ZipError as error:
        yield _failed(path, str(error))
        return
    except OSError as error:
        yield _failed(path, _unreadable("file", error))
        return
    for name, reason in members:
        if reason:
            left_out.add(f"{path}/{name}", reason)
        else:
            yield f"{path}/{name}", "", partial(_read_member, path, name)


def _read_member(path: str, name: str) -> bytes:
    with open(path, "rb") as file:
        sent = zips.film(file, name, ZIP_LIMITS)
    if sent.error:
        raise sent.error
    return sent.data


def _failed(path: str, problem: str) -> File:
    return path, problem, bytes


def _analysed(analyzer: Analyzer, models: tuple[str, ...], file: File, adjust: Adjustments) -> Found:
    """Analyse a file, or return its error."""
    _, problem, read = file
    try:
        if problem:
            return None, problem
        return analyzer.analyse(read(), models, adjust=adjust), ""
    except (ImageError, zips.ZipError) as error:
        return None, str(error)
    except OSError as error:
        return None, _unreadable("file", error)


def _judge(
    names: tuple[str, ...], path: str, analysis: Analysis | None, problem: str, options: argparse.Namespace
) -> Iterator[Row]:
    """Yield the rows of one radiograph; a failed one has its error in each."""
    if analysis is None:
        yield from (_row(path, name, None, problem) for name in names)
        return
    problems = {}
    for prediction in analysis.predictions:
        try:
            if options.annotated:
                _save(options.annotated, analysis, prediction, path)
        except OSError as error:
            problems[prediction.model] = f"Annotated copy not saved in {options.annotated}: {error.strerror}."
    try:
        if options.opacity_maps and analysis.opacity:
            _save_map(options.opacity_maps, analysis.opacity, analysis.sent or analysis.image.shape, path)
    except OSError as error:
        problem = f"Opacity map not saved in {options.opacity_maps}: {error.strerror}."
    for answer in rows(analysis.predictions):
        yield _row(path, answer.name, answer, problems.get(answer.name.partition(":")[0], problem), analysis)


def _unreadable(what: str, error: OSError) -> str:
    return f"Expected a {what} that can be read. Received: {error.strerror}."


def _row(path: str, model: str, answer: Answer | None, problem: str, analysis: Analysis | None = None) -> Row:
    said = answer.said if answer else None
    return {
        "file": path,
        "model": model,
        "verdict": str(said.verdict) if said else None,
        "score": said.score if said else None,
        "threshold": round(said.threshold, 4) if said else None,
        "error": " ".join(problem.split()) or None,
        "cautions": list(analysis.cautions) if analysis else [],
        **opacity.columns(analysis.measures if analysis else None),
        "finding": answer.finding if answer else None,
        "negative_below": said.negative_below if said else None,
        "positive_from": said.positive_from if said else None,
    }


def _save(folder: Path, analysis: Analysis, prediction: Prediction, path: str) -> None:
    """Save the annotated copy."""
    name = os.path.basename(path)
    sheet = annotate(analysis, prediction, file_name=name, when=datetime.now(UTC).astimezone())
    percent = round(100 * prediction.score)
    _save_new(
        folder, f"{prediction.verdict}_Prob_{percent}_Name_{_stem(name)}_{prediction.model}", ".jpg", encode(sheet)
    )


def _save_map(folder: Path, found: opacity.Opacity, shape: tuple[int, int], path: str) -> None:
    """Save the opacity map in the size of the image that was sent."""
    levels = cv2.convertScaleAbs(found.probability(shape), alpha=255)
    _save_new(folder, f"Opacity_Name_{_stem(os.path.basename(path))}", ".png", encode_png(np.asarray(levels, np.uint8)))


def _stem(name: str) -> str:
    return os.path.splitext(name)[0][:LONGEST_STEM]


def _save_new(folder: Path, base: str, ending: str, picture: bytes) -> None:
    """Save an image under a name that is not in use."""
    for suffix in chain([""], (f"_{number}" for number in count(2))):
        with suppress(FileExistsError), (folder / f"{base}{suffix}{ending}").open("xb") as file:
            file.write(picture)
            return


def _write_csv(rows: Iterator[Row], out: TextIO) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        scores = {key: f"{row[key]:.4f}" for key in SCORES if row[key] is not None}
        shown = row | scores | {"cautions": " ".join(row["cautions"])}
        if not (row["file"][:1].isalnum() or row["file"].startswith(("/", "."))):
            # The same file, by a name that no spreadsheet takes for a formula.
            shown["file"] = f"./{row['file']}"
        writer.writerow(shown[name] for name in COLUMNS)
        out.flush()


def _write_json(rows: Iterator[Row], out: TextIO) -> None:
    """Write one array with an object on each line, each as soon as it is known."""
    separator = "["
    for row in rows:
        out.write(f"{separator}\n{json.dumps(row)}")
        out.flush()
        separator = ","
    out.write("\n]\n")


if __name__ == "__main__":
    sys.exit(main())
