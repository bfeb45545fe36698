"""One's own radiographs, from a folder or a table to a model in the app: `python -m training retrain FOLDER_OR_CSV`.

The steps of the published heads, one after the other: a manifest, a head on the shipped backbone, its evaluation, its
export. The run is runs/NAME, the model model/NAME; `python -m training remove NAME` deletes both.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from training import quiet
from training.config import CONFIGS, MODELS, RUNS, convert, table
from training.data import manifest, own
from training.data.crops import crops
from training.data.own import Own
from training.evaluate import artefact, evaluate
from training.fit import head_run
from training.fit.head_config import HeadConfig
from training.report import summary
from training.retraining.remove import NAME, is_own
from xray.errors import DatasetError
from xray.registry import BACKBONE

SETTINGS = CONFIGS / "own.toml"
NOT_STATED = "not stated"
PAGE = "http://localhost:5000/models/{name}"


def settings(overrides: Sequence[str]) -> dict[str, Any]:
    """Return own.toml with some of its values replaced.

    Args:
        overrides: each `key=value`, the value as in TOML; a table's key as `table.key`.

    Raises:
        DatasetError: not of this form.
    """
    found: dict[str, Any] = table(SETTINGS)
    for each in overrides:
        key, equals, value = each.partition("=")
        if not equals or not key.strip():
            raise DatasetError(f"Expected --override as key=value, such as regularisation=0.01. Received: {each!r}.")
        try:
            content = msgspec.toml.decode(f"value = {value}", type=dict[str, Any])["value"]
        except msgspec.DecodeError:
            content = value.strip()
        *tables, last = key.strip().split(".")
        target = found
        for name in tables:
            target = target.setdefault(name, {})
        target[last] = content
    return found


def configuration(name: str, data: Own, chosen: dict[str, Any]) -> HeadConfig:
    """Return the head that a user's radiographs are learned by.

    Args:
        name: of the model.
        data: the radiographs.
        chosen: of `settings`, without the seed.

    Raises:
        DatasetError: a setting that a head does not have, or of the wrong type.
    """
    sources = sorted({row.source for row in data.rows})
    content = {
        "name": name,
        "title": f"{name}: {' / '.join(data.labels)}",
        "positive": data.labels[0],
        "exclusive": data.exclusive,
        "sources": sources,
        # Sources of one label teach nothing but themselves; where there are no others, they are all there is.
        "one_sided_weight": 0.0 if _compares(data) else 1.0,
        "labels": [{"name": label, "present": [{"labels": data.showing(label)}]} for label in data.labels],
        "others": data.others,
        "recipe": msgspec.to_builtins(artefact.backbone_recipe(BACKBONE)),
        **chosen,
    }
    try:
        return convert(content, HeadConfig, SETTINGS)
    except DatasetError as error:
        keys = ", ".join(HeadConfig.__struct_fields__)
        raise DatasetError(f"Expected --override of {keys} or seed. Received: {error}") from error


def _compares(data: Own) -> bool:
    """Tell whether some source holds all labels, so that the others may be left aside."""
    held: dict[str, set[str]] = {}
    for row in data.rows:
        if row.split == "train":
            held.setdefault(row.source, set()).add(row.label)
    kinds = {row.label for row in data.rows}
    return any(of == kinds for of in held.values())


def run(args: argparse.Namespace) -> None:
    """Go the whole way from radiographs to a model; where that fails, the run that was there before stays."""
    check_name(args.name, replaces=args.replace)
    folder, before = RUNS / args.name, RUNS / f".{args.name}.before"
    shutil.rmtree(before, ignore_errors=True)
    if folder.exists():
        folder.rename(before)
    try:
        _retrain(args, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if before.exists():
            before.rename(folder)
        raise
    shutil.rmtree(before, ignore_errors=True)


def _retrain(args: argparse.Namespace, folder: Path) -> None:
    chosen = settings(args.override)
    data = own.collect(args.source, args.patient_from or "", _listed(args.labels), int(chosen.pop("seed", 42)))
    folder.mkdir(parents=True)
    listed = folder / "manifest.csv"
    manifest.write(data.rows, listed, data.root, sorted({row.label for row in data.rows}))
    made = crops(listed, artefact.backbone_recipe(BACKBONE))
    data = data.accepted(made.rows)
    print(*data.lines, *(f"warning: {each}" for each in data.warnings), sep="\n", flush=True)
    config = configuration(args.name, data, chosen)
    about = {
        "command": args.command,
        "licence": args.licence or NOT_STATED,
        "data": {"name": args.source.name, "lines": data.lines, "warnings": data.warnings},
    }
    head_run.train(config, listed, BACKBONE, folder, about)
    if args.fine_tune:
        quiet.load("training.retraining.fine_tune").fine_tune(made, config, folder)  # late: it imports Keras
    report = evaluate.write(folder, listed)
    export = quiet.load("training.evaluate.export")  # late: it imports Keras
    export.export_head(folder, listed, BACKBONE, BACKBONE)
    said = summary.sentences(report)
    print("", *said, *(f"warning: {each}" for each in summary.warnings(report) if each not in said), sep="\n")
    print(f"report: {folder / 'report.html'}")
    print(f"page: {PAGE.format(name=args.name)} once the app is started again (python app.py)")


def check_name(name: str, *, replaces: bool = False) -> None:
    """Refuse a name that no folder or form can have, or that another artefact has.

    Args:
        name: of the model.
        replaces: whether it may be that of a model of `retrain`, which is replaced.

    Raises:
        DatasetError: with what to do.
    """
    if not NAME.fullmatch(name):
        raise DatasetError(f"Expected --name in small letters, digits, - and _, such as mine. Received: {name!r}.")
    taken = (MODELS / name).exists() or (RUNS / name).exists() or name == "combined"
    if taken and not is_own(name):
        raise DatasetError(f"Expected a --name of its own. Received: {name}, which is not a model of `retrain`.")
    if taken and not replaces:
        raise DatasetError(f"Expected a --name of its own, or --replace. Received: {name}, which there is already.")


def _listed(words: str | None) -> list[str]:
    return [word.strip() for word in (words or "").split(",") if word.strip()]
