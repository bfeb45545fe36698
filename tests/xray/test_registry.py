"""The artefacts of model/ are verified at start-up."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xray.errors import ModelError
from xray.registry import BACKBONE, MODEL_DIR, PROMISED, Registry


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """A copy of model/ that a test may break; the large files are links."""
    return Path(shutil.copytree(MODEL_DIR, tmp_path / "model", copy_function=link_or_copy))


def link_or_copy(source: str, target: str) -> None:
    if source.endswith(".tflite"):
        os.symlink(source, target)
    else:
        shutil.copy(source, target)


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def replace_content(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def test_the_published_artefacts_load_in_their_order() -> None:
    registry = Registry.load()
    assert tuple(registry.heads)[:2] == PROMISED == ("covid_normal", "covid_pneumo")
    size = registry.backbone.recipe.size
    features = registry.backbone.network(np.zeros((1, size, size, 3), np.float32))
    assert all(0 <= share <= 1 for head in registry.heads.values() for share in head.scores(features[0]))


@pytest.mark.parametrize(
    "break_it",
    [
        lambda mine: (mine / "head.npz").write_bytes(b"half"),
        lambda mine: (mine / "metadata.json").unlink(),
        lambda mine: (mine / "metadata.json").write_text("{"),
        lambda mine: edit(mine / "metadata.json", backbone_sha256="0" * 64),
    ],
)
def test_an_extra_head_that_does_not_load_is_skipped_with_a_line(model_dir: Path, break_it: Callable[..., Any]) -> None:
    shutil.copytree(model_dir / "covid_normal", model_dir / "mine")
    edit(model_dir / "mine/metadata.json", name="mine")
    assert "mine" in Registry.load(model_dir).heads and not Registry.load(model_dir).skipped
    break_it(model_dir / "mine")
    registry = Registry.load(model_dir)
    (line,) = registry.skipped
    assert "mine" not in {*registry.heads, *registry.artefacts}
    assert line.startswith("mine is not served. ") and line.endswith("`python -m training remove mine`.")


def add_backbone(folder: Path, name: str) -> None:
    """Give model/ a second backbone, with the heads and the screen of the first."""
    shutil.copytree(folder / BACKBONE, folder / name, symlinks=True)
    edit(folder / name / "metadata.json", name=name)
    for made in (*PROMISED, "screen"):
        shutil.copytree(folder / made, folder / name / made)
        edit(folder / name / made / "metadata.json", backbone=name)


def test_a_backbone_is_chosen_by_name_with_its_own_heads(model_dir: Path) -> None:
    add_backbone(model_dir, "other")
    edit(
        model_dir / "other/covid_normal/metadata.json",
        points=[{"threshold": 0.5, "negative_below": 0.25, "positive_from": 0.75}] * 2,
    )
    shutil.copytree(model_dir / "covid_normal", model_dir / "apple")  # stands on the default backbone alone
    edit(model_dir / "apple/metadata.json", name="apple")
    chosen, default = Registry.load(model_dir, backbone="other"), Registry.load(model_dir)
    assert chosen.backbone.facts.name == "other" and default.backbone.facts.name == BACKBONE
    assert chosen.heads["covid_normal"].facts.point.threshold == 0.5
    assert default.heads["covid_normal"].facts.point.threshold != 0.5
    assert tuple(chosen.heads) == PROMISED and tuple(default.heads)[:3] == (*PROMISED, "apple")
    assert list(chosen.artefacts) == [*PROMISED, "screen", "other", "lung_unet"]


@pytest.mark.parametrize("name", ["vgg19", "", "..", "covid_normal", "lung_unet"])
def test_an_unknown_backbone_is_refused_with_the_known_names(model_dir: Path, name: str) -> None:
    add_backbone(model_dir, "other")
    with pytest.raises(ModelError, match=f"to name one of other, {BACKBONE}, vgg16_slim") as caught:
        Registry.load(model_dir, backbone=name)
    assert repr(name) in str(caught.value)


def test_each_published_backbone_can_be_served() -> None:
    for path in MODEL_DIR.glob("*/metadata.json"):
        if json.loads(path.read_text())["kind"] == "backbone":
            registry = Registry.load(backbone=path.parent.name)
            assert tuple(registry.heads)[:2] == PROMISED


def flip_a_byte(folder: Path) -> None:
    content = bytearray((folder / "vgg16_cxr/network.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    replace_content(folder / "vgg16_cxr/network.tflite", bytes(content))


OTHER_SIZE = {
    "recipe": {"name": "lung-box", "size": 64}, "input_shape": [64, 64, 3], "feature_shape": [4, 4, 512],
}  # fmt: skip


def edited(name: str, **changes: Any) -> Callable[[Path], None]:
    return lambda folder: edit(folder / name / "metadata.json", **changes)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no model folder": (shutil.rmtree, "Expected a folder of artefacts"),
    "no backbone": (lambda folder: shutil.rmtree(folder / "vgg16_cxr"), "the backbone vgg16_cxr"),
    "no lung network": (lambda folder: shutil.rmtree(folder / "lung_unet"), "SegmentationFacts"),
    "no screen": (lambda folder: shutil.rmtree(folder / "screen"), "ScreenFacts"),
    "a promised head missing": (lambda folder: shutil.rmtree(folder / "covid_pneumo"), "the head covid_pneumo"),
    "metadata missing": (lambda folder: (folder / "covid_normal/metadata.json").unlink(), "No such file"),
    "weights missing": (lambda folder: (folder / "covid_normal/head.npz").unlink(), "weights of covid_normal"),
    "weights cut short": (lambda folder: replace_content(folder / "covid_normal/head.npz", b"short"), "bytes"),
    "one bit flipped": (flip_a_byte, "Expected sha256"),
    "another backbone's head": (edited("covid_normal", backbone_sha256="0" * 64), "for the backbone"),
    "another backbone's name": (edited("covid_normal", backbone="other"), "for the backbone"),
    "another backbone's screen": (edited("screen", backbone_sha256="0" * 64), "for the backbone"),
    "no checks": (edited("screen", checks=[]), "the checks"),
    "another size": (edited("vgg16_cxr", **OTHER_SIZE), "from and to the shapes"),
}


@pytest.mark.parametrize(("break_it", "complaint"), BROKEN.values(), ids=BROKEN)
def test_a_broken_artefact_stops_start_up(model_dir: Path, break_it: Callable[[Path], object], complaint: str) -> None:
    break_it(model_dir)
    with pytest.raises(ModelError, match=complaint) as caught:
        Registry.load(model_dir)
    assert str(model_dir) in str(caught.value) and "git checkout -- model" in str(caught.value)
