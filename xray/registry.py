"""The artefacts of model/, verified and loaded once at start-up.

A new head is a folder of model/, written by `python -m training export head NAME`: nothing is listed here.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from xray.errors import ModelError
from xray.networks import metadata
from xray.networks.heads import Head
from xray.networks.metadata import (
    Artefact,
    BackboneFacts,
    Facts,
    HeadFacts,
    MadeForBackbone,
    OpacityFacts,
    ScreenFacts,
    SegmentationFacts,
)
from xray.networks.preprocess import Recipe
from xray.networks.runtime import MEND, Network, broken
from xray.opacity import OpacityMap
from xray.quality.out_of_distribution import Screen

MODEL_DIR = Path(__file__).resolve().parent.parent / "model"
# The default backbone. Heads and screen made for it are in model/ itself; those made for another backbone are in that
# backbone's folder.
BACKBONE = "vgg16_cxr"
# Models 1 and 2, which must be there, in the order in which they are shown; all others that are found follow.
PROMISED = ("covid_normal", "covid_pneumo")
# The artefacts without which nothing is served, or less than a page says. Any other folder of model/ is an extra head.
REQUIRED = (*PROMISED, "lung_unet", "screen", "opacity", BACKBONE)

F = TypeVar("F", bound=Artefact)


@dataclass(frozen=True, eq=False)
class Backbone:
    """The shared network and the recipe that makes its input."""

    network: Network
    recipe: Recipe
    facts: BackboneFacts


@dataclass(frozen=True, eq=False)
class Registry:
    """The networks and heads that analyse a radiograph.

    Attributes:
        segmenter: the lung network.
        backbone: one pass of it serves the screen and every head.
        screen: refuses and warns by the backbone's features.
        heads: by name, in the order in which they are shown.
        artefacts: the facts of all of these, by name, the heads first.
        opacity: the opacity map; None where none was made for the backbone.
        skipped: why a folder of model/ is not served, in a line each: extra heads alone may fail to load.
    """

    segmenter: Network
    backbone: Backbone
    screen: Screen
    heads: dict[str, Head]
    artefacts: Mapping[str, Facts] = field(default_factory=dict)
    opacity: OpacityMap | None = None
    skipped: tuple[str, ...] = ()

    @classmethod
    def load(
        cls, model_dir: Path = MODEL_DIR, *, backbone: str = BACKBONE, pool_size: int = 1, threads: int = 2
    ) -> "Registry":
        """Read, verify and load the lung network, a backbone, and the screen, heads and map that were made for it.

        Args:
            model_dir: holds one folder per artefact.
            backbone: its name.
            pool_size: how many pictures may be in a network at the same time.
            threads: how many processor threads one pass uses.

        Raises:
            ModelError: an artefact is missing, broken or made for another backbone; names the file and
                the command that mends it. Or there is no such backbone; names those that there are. An extra head
                raises nothing: it is skipped.
        """
        skipped: dict[str, ModelError] = {}
        artefacts = _read(model_dir, {*REQUIRED, backbone}, skipped)
        lungs = _only(model_dir, artefacts, SegmentationFacts)
        base = _backbone(model_dir, artefacts, backbone)
        home = made_for(model_dir, backbone)
        made = artefacts if home == model_dir else _read(home, {*REQUIRED}, skipped)
        segmenter = Network(model_dir / lungs.name / lungs.file.name, pool_size=pool_size, threads=threads)
        network = Network(model_dir / base.name / base.file.name, pool_size=pool_size, threads=threads)
        _check_shapes(model_dir / lungs.name, segmenter, lungs.input_shape, lungs.input_shape)
        _check_shapes(model_dir / base.name, network, base.input_shape, base.feature_shape)
        channels = base.feature_shape[2]
        screen_facts, head_facts = _only(home, made, ScreenFacts), _heads(home, made)
        screen = Screen.load(_weights(home, screen_facts, base), screen_facts, channels)
        heads = {}
        for facts in head_facts:
            with _optional(facts.name, {*REQUIRED}, skipped):
                heads[facts.name] = Head.load(_weights(home, facts, base), facts, channels)
        opacity = _opacity(home, made, base)
        served = [head.facts for head in heads.values()]
        loaded: tuple[Facts, ...] = (*served, *([opacity.facts] if opacity else []), screen_facts, base, lungs)
        by_name = {facts.name: facts for facts in loaded}
        backbone_parts = Backbone(network, base.recipe, base)
        return cls(segmenter, backbone_parts, screen, heads, by_name, opacity, _lines(skipped))


def made_for(folder: Path, backbone: str) -> Path:
    """Return the folder, under model/ or runs/, of what was made for a backbone.

    Args:
        folder: model/ or runs/.
        backbone: its name.
    """
    return folder if backbone == BACKBONE else folder / backbone


@contextmanager
def _optional(name: str, required: set[str], skipped: dict[str, ModelError]) -> Iterator[None]:
    """Note why an extra head does not load, where any other artefact stops start-up.

    Args:
        name: of its folder.
        required: the folders that are no extra heads.
        skipped: where the error goes.
    """
    try:
        yield
    except ModelError as error:
        if name in required:
            raise
        skipped[name] = error


def _lines(skipped: Mapping[str, ModelError]) -> tuple[str, ...]:
    """Say in a line each which extra heads are not served, and why."""
    return tuple(
        f"{name} is not served. {str(error).removesuffix(MEND)}"
        f"Train it again, or run `python -m training remove {name}`."
        for name, error in skipped.items()
    )


def _read(model_dir: Path, required: set[str], skipped: dict[str, ModelError]) -> list[Artefact]:
    """Read the metadata.json of every folder in a folder, and verify the files that they describe."""
    if not model_dir.is_dir():
        raise broken(model_dir, "Expected a folder of artefacts. Received nothing there.")
    folders = sorted(path for path in model_dir.iterdir() if path.is_dir() and path.name[0] not in "._")
    artefacts: list[Artefact] = []
    for folder in folders:
        with _optional(folder.name, required, skipped):
            artefact = metadata.load(folder / metadata.FILE_NAME)
            _verify(folder / artefact.file.name, artefact)
            artefacts.append(artefact)
    return artefacts


def _backbone(model_dir: Path, artefacts: list[Artefact], name: str) -> BackboneFacts:
    found = {artefact.name: artefact for artefact in artefacts if isinstance(artefact, BackboneFacts)}
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        if name == BACKBONE:
            raise broken(model_dir, f"Expected the backbone {name}. Received: {known}.")
        raise ModelError(f"Expected XRAY_BACKBONE, or --backbone, to name one of {known}. Received: {name!r}.")
    return found[name]


def _verify(path: Path, artefact: Artefact) -> None:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise broken(path, f"Expected the weights of {artefact.name}. Received: {error.strerror}.") from error
    if len(content) != artefact.file.size_bytes:
        raise broken(path, f"Expected {artefact.file.size_bytes:,} bytes. Received: {len(content):,}.")
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != artefact.file.sha256:
        raise broken(path, f"Expected sha256 {artefact.file.sha256}. Received: {sha256}.")


def _only(model_dir: Path, artefacts: list[Artefact], kind: type[F]) -> F:
    found = [artefact for artefact in artefacts if isinstance(artefact, kind)]
    if len(found) != 1:
        names = [artefact.name for artefact in found]
        raise broken(model_dir, f"Expected one artefact of class {kind.__name__}. Received: {names}.")
    return found[0]


def _heads(model_dir: Path, artefacts: list[Artefact]) -> list[HeadFacts]:
    """Return the heads in the order in which they are shown."""
    found = {artefact.name: artefact for artefact in artefacts if isinstance(artefact, HeadFacts)}
    missing = [name for name in PROMISED if name not in found]
    if missing:
        raise broken(model_dir / missing[0], f"Expected the head {missing[0]}. Received: {sorted(found)}.")
    others = [facts for facts in found.values() if facts.name not in PROMISED]
    others.sort(key=lambda facts: (not facts.is_pair, not facts.exclusive, facts.name))
    return [*(found[name] for name in PROMISED), *others]


def _opacity(home: Path, artefacts: list[Artefact], base: BackboneFacts) -> OpacityMap | None:
    """Load the opacity map; None where none was made for the backbone."""
    if not any(isinstance(artefact, OpacityFacts) for artefact in artefacts):
        return None
    facts = _only(home, artefacts, OpacityFacts)
    return OpacityMap.load(_weights(home, facts, base), facts, base.feature_shape[2])


def _weights(model_dir: Path, facts: MadeForBackbone, base: BackboneFacts) -> Path:
    """Return the file of weights that were made for this backbone."""
    path = model_dir / facts.name / facts.file.name
    expected, received = (base.name, base.file.sha256), (facts.backbone, facts.backbone_sha256)
    if received != expected:
        raise broken(path, f"Expected weights for the backbone {expected}. Received some for {received}.")
    return path


def _check_shapes(folder: Path, network: Network, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> None:
    expected, received = ((1, *inputs), (1, *outputs)), (network.input_shape, network.output_shape)
    if received != expected:
        raise broken(folder, f"Expected a network from and to the shapes {expected}. Received: {received}.")
