"""The steps of the training kit in the order of use: `python -m training STEP`."""

import argparse
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

from training.config import CONFIGS, MANIFEST, RUNS

AddArguments = Callable[[argparse.ArgumentParser], None]
PRECISIONS = ("mixed_bfloat16", "mixed_float16", "float32")
ALL_DEVICES = "all"


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        name: on the command line.
        line: what it does.
        module: that has `run(args)`, and `add_arguments(parser)` unless the step brings its own.
        arguments: adds its arguments; for modules that import TensorFlow, so that `--help` need not.
    """

    name: str
    line: str
    module: str
    arguments: AddArguments | None = None

    def parser(self) -> argparse.ArgumentParser:
        """Return the parser of the step's own arguments."""
        parser = argparse.ArgumentParser(prog=f"python -m training {self.name}", description=f"{self.line}.")
        add = self.arguments or self.load().add_arguments
        add(parser)
        return parser

    def load(self) -> ModuleType:
        """Import the step's module."""
        return importlib.import_module(self.module)


def manifest_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--manifest`."""
    parser.add_argument("--manifest", type=Path, default=MANIFEST, metavar="CSV", help="(default: %(default)s)")


def backbone_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--backbone`."""
    parser.add_argument(
        "--backbone", default="vgg16_cxr",
        help="a network of model/ (default: %(default)s), imagenet (downloaded by Keras) or a file of VGG16 weights",
    )  # fmt: skip


def network_arguments(parser: argparse.ArgumentParser, config: str, run: str) -> None:
    """Add what every step takes that trains a network.

    Args:
        parser: of the step.
        config: name of its default configuration.
        run: name of its default run.
    """
    parser.add_argument("--config", type=Path, default=CONFIGS / f"{config}.toml", help="(default: %(default)s)")
    manifest_argument(parser)
    parser.add_argument(
        "--run",
        type=Path,
        default=RUNS / run,
        help="folder of the run; an unfinished one goes on (default: %(default)s)",
    )


def backbone_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `backbone` takes: also on which devices it trains."""
    network_arguments(parser, "backbone", "backbone")
    parser.add_argument(
        "--devices", type=_number_or_all, default=1, metavar="N", help="that share each batch, or all (default: 1)"
    )
    parser.add_argument("--precision", choices=PRECISIONS, default=PRECISIONS[0], help="(default: %(default)s)")
    parser.add_argument(
        "--workers", type=_number, metavar="N",
        help="processes that augment images (default: 1, this one; beside a GPU one a core, at most 8)",
    )  # fmt: skip


def head_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `head` takes."""
    parser.add_argument("config", type=Path, help="a TOML file of training/configs, such as covid_normal.toml")
    backbone_argument(parser)
    manifest_argument(parser)
    parser.add_argument("--run", type=Path, help="folder of the run (default: runs/<name>, or runs/<backbone>/<name>)")


def screen_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `out-of-distribution` takes."""
    parser.add_argument("--config", type=Path, default=CONFIGS / "screen.toml", help="(default: %(default)s)")
    manifest_argument(parser)
    backbone_argument(parser)
    parser.add_argument("--run", type=Path, help="folder of the run (default: runs/screen, or runs/<backbone>/screen)")


def export_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `export` takes."""
    parser.add_argument("what", choices=("lungs", "backbone", "head", "screen"))
    parser.add_argument("name", nargs="?", help="of a head, for example covid_normal")
    manifest_argument(parser)
    parser.add_argument("--run", type=Path, help="folder of the run (default: the artefact's own under runs/)")
    parser.add_argument(
        "--backbone",
        default="vgg16_cxr",
        help="the network of model/ to write, or that head and screen were trained on",
    )
    parser.add_argument("--weights", help="of a backbone in float32: imagenet or a file (default: its run's)")
    parser.add_argument("--recipe", default="lung-box", help="of a backbone: lung-box or whole-image")
    parser.add_argument("--size", type=int, default=160, help="side of a backbone's input in pixels")


def _number(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, received {word!r}")
    return int(word)


def _number_or_all(word: str) -> int | str:
    return ALL_DEVICES if word == ALL_DEVICES else _number(word)


STEPS = (
    Step("download", "fetch the published data sets", "training.data.download.command"),
    Step("prepare", "list the radiographs in one manifest, split by patient", "training.data.prepare"),
    Step("segment", "train the U-Net that finds the lungs", "training.fit.segment",
         partial(network_arguments, config="lungs", run="lungs")),
    Step("backbone", "pretrain the VGG16 backbone on radiographs", "training.fit.backbone", backbone_arguments),
    Step("slim", "distil a slimmer backbone from the served one", "training.fit.slim",
         partial(network_arguments, config="slim", run="vgg16_slim")),
    Step("head", "train a head on the frozen backbone", "training.fit.head", head_arguments),
    Step("out-of-distribution", "train the screen that refuses and warns", "training.fit.out_of_distribution",
         screen_arguments),
    Step("evaluate", "measure heads on the test split", "training.evaluate.evaluate"),
    Step("audit", "measure what heads rest on, and where they fail", "training.evaluate.audit"),
    Step("export", "write an artefact of model/", "training.evaluate.export", export_arguments),
    Step("beside", "compare the slim backbone with the served one", "training.evaluate.targets"),
    Step("test-elsewhere", "measure the served models on your own labelled radiographs", "training.evaluate.external"),
    Step("explore", "describe the radiographs: grids, means, principal components", "training.studies.explore"),
    Step("compare", "compare architectures, frozen and fine-tuned", "training.studies.compare.report"),
    Step("grid", "run a grid of settings", "training.studies.grid"),
    Step("ablation", "compare features and heads", "training.studies.ablation"),
    Step("articles", "run the two-model tutorial again, each number beside ours",
         "training.studies.tutorial_2020.report"),
    Step("tutorial-25", "run the 25 + 25 experiment of 2020 again", "training.studies.covid_25"),
    Step("augmented", "show what an augmentation makes of a radiograph", "training.studies.augmented"),
    Step("average", "draw the average radiographs of static/examples", "training.studies.average"),
)  # fmt: skip
