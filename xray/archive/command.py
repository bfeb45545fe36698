"""Command line of archives: `python -m xray archive SOURCE DESTINATION`."""

import argparse
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Sequence

from xray.analysis import BOTH_MODELS, Analyzer
from xray.archive import results, sources
from xray.archive.local_engine import Engine, Local
from xray.archive.run import run
from xray.archive.worker import Task
from xray.combined import NAME, versions
from xray.errors import XrayError
from xray.io import storage
from xray.registry import BACKBONE

OPTIONAL = {"pyarrow", "fsspec", "ray"}
IMAGES = ("--masks", "--heat-maps")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0; 1 if a radiograph has no verdict; 2 if the run could not be done; 130 if it was interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        return _fail(
            f"Expected the package {error.name}. It is missing: pip install uv; uv sync --frozen --extra archive"
        )
    except sqlite3.Error as error:
        return _fail(
            f"Expected room for the notes of a run in {tempfile.gettempdir()}. Received: {error}. "
            "Free some, or name another folder in SQLITE_TMPDIR."
        )
    except (XrayError, ImportError, OSError, ValueError, *storage.DAMAGED) as error:
        return _fail(str(error) or type(error).__name__)
    except KeyboardInterrupt:
        return 130


def _fail(problem: str) -> int:
    print(f"python -m xray archive: {problem}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m xray archive",
        description="Judge an archive of chest radiographs. Research and education only, not a diagnosis.",
        epilog="Run it again and it judges only what has no rows yet. Exit status: 0 all films judged, 1 one or more "
        "have no verdict, 2 the run could not be done. Columns: see docs/scale.md.",
    )
    add = parser.add_argument
    add("source", help="a folder, zip, tar, list (.txt, a path or URL a line), Parquet file, or film; a path or a URL")
    add("destination", help="a table ending in .csv, or a folder for Parquet files; the latter may be a URL")
    add("--column", help="of a Parquet source, the one with the paths or URLs (default: path)")
    add("--allow-local", action="store_true", help="open paths of this machine that a list or table from a URL names")
    add("--model", default=BOTH_MODELS, help=f"a model of model/, both (default; with a row `{NAME}`), or all")
    add("--backbone", default=BACKBONE, help=f"{BACKBONE} (default), or another network of model/")
    add("--engine", choices=("local", "ray"), default="local", help="local (default): this machine; ray: Ray Data")
    add("--workers", type=int, help="films judged at the same time (default: one on each core)")
    add("--masks", default="", metavar="DIR", help="save each new film's lung mask as DIR/ab/<sha256>.png")
    add("--heat-maps", default="", metavar="DIR", help="save its heat maps as DIR/ab/<sha256>_<model>.jpg")
    add("--trust-names", action="store_true", help="do not even read films whose path or URL has its rows")
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.workers is not None and options.workers < 1:
        raise ValueError(f"Expected --workers of at least 1. Received: {options.workers}.")
    analyzer = Analyzer.load(backbone=options.backbone, threads=1)
    of = versions(analyzer.registry.heads, analyzer.expand(options.model))
    del analyzer  # the workers load their own
    folders = [sources.absolute(each) if each else "" for each in (options.masks, options.heat_maps)]
    task = Task(tuple(of), options.backbone, *folders)
    addresses = sources.find(options.source, options.column, allow_local=options.allow_local)
    destination = sources.absolute(options.destination)
    _check_apart(sources.absolute(options.source), destination, options.column, folders)
    with results.locked(destination):
        results.check_writable(destination, *folders)
        to = results.to(destination)
        engine = _engine(options.engine, options.workers)
        failed = run(addresses, to, engine, task, of, sys.stderr, trust_names=options.trust_names)
    return int(failed > 0)


def _check_apart(source: str, destination: str, column: str | None, folders: Sequence[str]) -> None:
    """See that what is written is not read by the next run, as radiographs, as results or as addresses."""
    pairs = [("SOURCE", source, name, folder) for name, folder in zip(IMAGES, folders, strict=True) if folder]
    pairs += [("DESTINATION", destination, name, folder) for _, _, name, folder in pairs]
    if column:
        pairs.append(("SOURCE", source, "DESTINATION", destination))
    for what, around, name, folder in pairs:
        if sources.is_within(folder, around):
            raise ValueError(
                f"Expected {name} outside {what}, whose next run would read what is written there. "
                f"Received {folder}, in {around}: name another folder."
            )


def _engine(name: str, workers: int | None) -> Engine:
    if name == "local":
        # As an interrupt: the rows in hand are written. Ray has a handler of its own.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        return Local(workers)
    from xray.archive.ray_engine import Cluster  # needs Ray, which a single machine does not

    return Cluster(workers)
