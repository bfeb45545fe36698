"""The steps of the training kit in the order of use: `python -m training STEP`.

Their arguments stand here rather than in their modules, so that `STEP --help` need not import TensorFlow.
"""

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from training import quiet
from training.config import CONFIGS, EXPLORED, MANIFEST, REPOSITORY, RUNS

# Names and options of `ArgumentParser.add_argument`.
Argument = tuple[tuple[str, ...], dict[str, Any]]
DEFAULT = "(default: %(default)s)"


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        name: on the command line.
        line: what it does.
        module: that has `run(args)`.
        arguments: what `run` finds in `args`.
    """

    name: str
    line: str
    module: str
    arguments: tuple[Argument, ...]

    def parser(self) -> argparse.ArgumentParser:
        """Return the parser of the step's own arguments."""
        parser = argparse.ArgumentParser(prog=f"python -m training {self.name}", description=f"{self.line}.")
        for names, options in self.arguments:
            parser.add_argument(*names, **options)
        return parser

    def load(self) -> ModuleType:
        """Import the step's module."""
        return quiet.load(self.module)


def _argument(*names: str, **options: Any) -> Argument:  # noqa: ANN401 - argparse's have many types
    return names, options


def _number(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, received {word!r}")
    return int(word)


def _number_or_all(word: str) -> int | str:
    return word if word == "all" else _number(word)


def _data_sets() -> str:
    listed = Path(__file__).parent / "data" / "download" / "published.toml"
    return ", ".join(each["name"] for each in msgspec.toml.decode(listed.read_bytes())["sets"])


_path = partial(_argument, type=Path)
_flag = partial(_argument, action="store_true")
_TABLE = _path("--manifest", default=MANIFEST, metavar="CSV", help=DEFAULT)
_RUNS_TABLE = _path("--manifest", metavar="CSV", help="(default: the one that the run learned from)")
_BACKBONE = _argument(
    "--backbone", default="vgg16_cxr",
    help=f"a network of model/ {DEFAULT}, imagenet (downloaded by Keras) or a file of VGG16 weights",
)  # fmt: skip
_TRAINED_ON = _argument("--backbone", default="vgg16_cxr", help=f"that the heads were trained on {DEFAULT}")
_WEIGHTS = (
    "ours (VGG16 alone: vgg16_cxr of model/), imagenet (downloaded by Keras), random, or a FILE of ImageNet weights "
    "without the classifier (include_top=False)"
)


def _training(config: str, run: str) -> tuple[Argument, ...]:
    """Return the arguments of a step that trains a network: its default configuration and run."""
    return (
        _path("--config", default=CONFIGS / f"{config}.toml", help=DEFAULT),
        _TABLE,
        _path("--run", default=RUNS / run, help=f"folder of the run; an unfinished one goes on {DEFAULT}"),
    )


STEPS = (
    Step("retrain", "your own radiographs, from a folder to a model in the app", "training.retraining.retrain", (
        _path("source", metavar="FOLDER_OR_CSV",
              help="a folder with a folder for each class, or a .csv with the columns path and label (several findings "
                   "with | between them), and where you have them patient_id, source, view, sex, age_years, split"),
        _argument("--name", required=True, help="of the model, in small letters"),
        _argument("--patient-from", metavar="PATTERN_OR_COLUMN",
                  help="a regular expression that finds the patient in a path, such as '(p\\d+)_'; or a column"),
        _argument("--labels", metavar="A,B", help="those to learn, the positive one first (default: all)"),
        _argument("--licence", metavar="TEXT", help="of the radiographs, for the model card (default: not stated)"),
        _flag("--replace", help="replace a model of retrain that has this name already"),
        _flag("--fine-tune",
              help="train the backbone's last block too, and say what that would have reached; it is not served"),
        _argument("--override", action="append", default=[], metavar="KEY=VALUE",
                  help="of training/configs/own.toml, or of any head; repeatable"),
    )),
    Step("remove", "delete a model of retrain and its run", "training.retraining.remove", (
        _argument("name", metavar="NAME"),
    )),
    Step("download", "fetch the published data sets", "training.data.download.command", (
        _argument("names", nargs="*", metavar="NAME", help=f"any of {_data_sets()} (all)"),
        _path("--output", default=Path("input"), metavar="DIR", help="where they land (%(default)s)"),
        _flag("--yes", help="the terms are accepted: ask nothing"),
        _argument("--pin", action="append", default=[], metavar="NAME=SHA256",
                  help="the checksum that you expect; repeatable"),
        _flag("--keep", help="leave the archives in downloads/ once they are unpacked"),
    )),
    Step("prepare", "list the radiographs in one manifest, split by patient", "training.data.prepare", (
        _path("--source", action="append", metavar="DIR",
              help="a folder in one of the known layouts; repeatable (the data root, else ./input)"),
        _path("--output", default=MANIFEST, metavar="CSV", help="the manifest (%(default)s)"),
        _path("--validation", default=REPOSITORY / "dataset_validation", metavar="DIR",
              help="where the held-out radiographs go (%(default)s)"),
        _argument("--seed", type=int, default=42, help="decides the splits (%(default)s)"),
        _flag("--opacity", help="take the Radiography Database's Lung_Opacity too"),
    )),
    Step("segment", "train the U-Net that finds the lungs", "training.fit.segment", _training("lungs", "lungs")),
    Step("backbone", "train the VGG16 backbone on radiographs", "training.fit.backbone", (
        _path("--config", default=CONFIGS / "backbone.toml", help=DEFAULT),
        _TABLE,
        _path("--run", help="folder of the run; an unfinished one goes on (default: runs/backbone, or "
              "runs/left_out/SOURCE)"),
        _argument("--weights", help="to start from: imagenet (downloaded by Keras), random, a backbone of model/ or a "
                  "FILE of VGG16 weights without the classifier (default: the configuration's)"),
        _argument("--left-out", metavar="SOURCE", help="learn nothing from this source's hospital: heads can be "
                  "judged there"),
        _argument("--devices", type=_number_or_all, default=1, metavar="N",
                  help="that share each batch, or all (default: 1)"),
        _argument("--precision", choices=("auto", "mixed_bfloat16", "mixed_float16", "float32"),
                  default="auto", help="auto times bfloat16 and float32 on this machine (default)"),
        _argument("--workers", type=_number, metavar="N",
                  help="processes that augment images (default: 1, this one; beside a GPU one a core, at most 8)"),
    )),
    Step("slim", "distil a slimmer backbone from the served one", "training.fit.slim",
         _training("slim", "vgg16_slim")),
    Step("head", "train a head on the frozen backbone", "training.fit.head_run", (
        _path("config", help="a TOML file of training/configs, such as covid_normal.toml"),
        _BACKBONE,
        _TABLE,
        _path("--run", help="folder of the run (default: runs/<name>, or runs/<backbone>/<name>)"),
    )),
    Step("out-of-distribution", "train the screen that refuses and warns", "training.fit.out_of_distribution", (
        _path("--config", default=CONFIGS / "screen.toml", help=DEFAULT),
        _TABLE,
        _BACKBONE,
        _path("--run", help="folder of the run (default: runs/screen, or runs/<backbone>/screen)"),
    )),
    Step("opacity", "calibrate the opacity map, and measure it on boxes", "training.evaluate.opacity", (
        _TABLE,
        _BACKBONE,
        _path("--run", help="folder of the run (default: runs/opacity, or runs/<backbone>/opacity)"),
    )),
    Step("evaluate", "measure heads on the test split", "training.evaluate.evaluate", (
        _argument("runs", nargs="+", metavar="RUN", help="a head, such as covid_normal, or folder of a run"),
        _TRAINED_ON,
        _RUNS_TABLE,
        _flag("--scores-only", help="measure the scores alone, without radiographs"),
    )),
    Step("audit", "measure what heads rest on, and where they fail", "training.evaluate.audit", (
        _argument("runs", nargs="*", metavar="HEAD", help="by name (default: every head that was evaluated)"),
        _RUNS_TABLE,
        _TRAINED_ON,
        _path("--run", help="folder to write (default: runs/audit, or runs/<backbone>/audit)"),
    )),
    Step("export", "write an artefact of model/", "training.evaluate.export", (
        _argument("what", choices=("lungs", "backbone", "head", "screen", "opacity")),
        _argument("name", nargs="?", help="of a head, for example covid_normal"),
        _RUNS_TABLE,
        _path("--run", help="folder of the run (default: the artefact's own under runs/)"),
        _argument("--backbone", default="vgg16_cxr",
                  help="the network of model/ to write, or that head and screen were trained on"),
        _argument("--weights", help="of a backbone in float32: imagenet or a file (default: its run's)"),
        _argument("--recipe", default="lung-box", help="of a backbone: lung-box or whole-image"),
        _argument("--size", type=int, default=160, help="side of a backbone's input in pixels"),
    )),
    Step("beside", "compare the slim backbone with the served one", "training.evaluate.targets", (
        _argument("--backbone", default="vgg16_slim", help=f"the other network of model/ {DEFAULT}"),
    )),
    Step("test-elsewhere", "measure models on another hospital's labelled radiographs", "training.evaluate.elsewhere", (
        _path("source", metavar="FOLDER_OR_CSV", help="as of retrain"),
        _argument("--model", action="append", default=[], metavar="NAME",
                  help="a model of model/; repeatable (default: all that know these labels)"),
        _argument("--patient-from", metavar="PATTERN_OR_COLUMN", help="as of retrain"),
        _path("--output", help="a folder (default: runs/elsewhere/NAME)"),
    )),
    Step("explore", "make what the page /data shows of the radiographs", "training.studies.explore", (
        _TABLE,
        _argument("--at-most", type=_number, metavar="N", help="radiographs of each class and source, at random"),
        _path("--output", default=EXPLORED, help=f"a folder {DEFAULT}"),
    )),
    Step("compare", "compare architectures, frozen and fine-tuned", "training.studies.compare", (
        _path("config", nargs="?", default=CONFIGS / "compare.toml", help=DEFAULT),
        _argument("--weights", metavar="BACKBONE=WEIGHTS", action="append", default=[],
                  help=f"instead of ImageNet's: {_WEIGHTS}"),
        _TABLE,
        _path("--output", default=RUNS / "compare", help=f"a folder {DEFAULT}"),
    )),
    Step("grid", "run a grid of settings", "training.studies.grid", (
        _path("config", help="grid.toml or grid_small.toml of training/configs, or your own"),
        _argument("--weights", help=f"instead of the file's: {_WEIGHTS}"),
        _argument("--cells", type=int, metavar="N", help="do at most so many more, then report"),
        _TABLE,
        _path("--output", help="a folder (default: runs/grid/NAME)"),
    )),
    Step("articles", "run the two-model tutorial again, each number beside ours",
         "training.studies.tutorial_2020.report", (
        _path("--input", help="holds 10_Covid_Images/ and 20_Chest_Xray/ (else XRAY_DATA)"),
        _argument("--weights", default="ours", help="ours (default), imagenet (Keras downloads it), or a file"),
        _path("--config", default=CONFIGS / "articles.toml", help=DEFAULT),
        _path("--augmentation", metavar="TOML", help="of configs/augmentation, instead of the article's rotation"),
        _path("--output", default=RUNS / "articles", help=f"a folder {DEFAULT}"),
    )),
    Step("tutorial-25", "run the 25 + 25 experiment of 2020 again", "training.studies.covid_25", (
        _path("--covid", metavar="DIR", help="Cohen's collection: metadata.csv and images/"),
        _path("--children", metavar="DIR", help="the children's set: train/NORMAL/"),
        _argument("--sample", type=int, default=25, help="images to copy from each of both (%(default)s)"),
        _path("--dataset", help="holds covid/ and normal/ (default: dataset/ in the output)"),
        _argument("--weights", default="vgg16_cxr", help="as of `articles`; by default ours"),
        _argument("--epochs", type=int, default=25, help=DEFAULT),
        _path("--output", default=RUNS / "tutorial_25", help="for plot.png and covid19.keras"),
    )),
    Step("augmented", "show what an augmentation makes of a radiograph", "training.studies.augmented", (
        _path("config", help="a TOML file with a table [augmentation]"),
        _flag("--whole", help="whole images, where the file names no recipe"),
        _TABLE,
        _path("--output", help="a folder (default: runs/augmented/<name of the file>)"),
    )),
    Step("average", "draw the average radiographs of static/examples", "training.studies.average", (
        _argument("label", help="normal, covid or pneumonia"),
        _argument("source", help="for example radiography-rsna"),
        _path("output", help="the PNG file to write"),
        _argument("--films", type=int, default=500, help="how many are averaged at most"),
        _TABLE,
    )),
)  # fmt: skip

# In the order of use; what no group names is for maintainers.
GROUPS = {
    "your own radiographs": ("retrain", "test-elsewhere", "remove"),
    "the published sets, in the order of use": (
        "download", "prepare", "segment", "backbone", "head", "out-of-distribution", "opacity", "evaluate", "audit",
        "export",
    ),
    "studies": ("explore", "augmented", "compare", "grid", "articles", "tutorial-25"),
}  # fmt: skip
MAINTAINERS = "for maintainers"


def listing() -> str:
    """Return all steps by group, with a line each."""
    lines = {step.name: step.line for step in STEPS}
    grouped = {name for names in GROUPS.values() for name in names}
    groups = {**GROUPS, MAINTAINERS: tuple(name for name in lines if name not in grouped)}
    width = max(map(len, lines))
    return "\n".join(
        f"{title}:\n" + "\n".join(f"  {name:{width}}  {lines[name]}" for name in names if name in lines) + "\n"
        for title, names in groups.items()
    )
