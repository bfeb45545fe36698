"""The manifest: what is written is read again, and what is wrong with it is said."""

from dataclasses import replace
from pathlib import Path

import pytest

from training.data import manifest
from xray.errors import LeakageError, ManifestError

FIRST = manifest.Row(
    path="a/Ünï, 1.png", sha256="aa", label="covid", finding='said "COVID-19"', source="cohen",
    patient_id="cohen-1", group="cohen-1", view="PA", sex="F", age_years="61", population="adult",
    upstream_split="", mask="", licence="CC0", split="train", original_filename="1.png",
    width=300, height=200,
)  # fmt: skip
OTHER = replace(FIRST, path="b.png", sha256="bb", patient_id="cohen-2", group="cohen-2", split="test")


def test_reads_what_was_written(tmp_path: Path) -> None:
    table = tmp_path / "deep" / "manifest.csv"
    manifest.write([FIRST, OTHER], table, tmp_path)
    assert manifest.read(table) == [FIRST, OTHER]
    assert manifest.root(table) == tmp_path.resolve()


@pytest.mark.parametrize("same", ["patient_id", "sha256", "group"])
def test_a_leak_is_refused_with_patients_and_splits(tmp_path: Path, same: str) -> None:
    leaking = replace(OTHER, **{same: getattr(FIRST, same)})
    manifest.write([FIRST, replace(leaking, split="train")], tmp_path / "train.csv", tmp_path)
    assert len(manifest.read(tmp_path / "train.csv")) == 2, "no leak in one split"
    manifest.write([FIRST, leaking], tmp_path / "manifest.csv", tmp_path)
    with pytest.raises(LeakageError) as caught:
        manifest.read(tmp_path / "manifest.csv")
    message = str(caught.value)
    assert all(word in message for word in (FIRST.patient_id, leaking.patient_id, "train", "test", same))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("sha256", "md5", "expected the columns"),
        (",train,", ",training,", "'training'"),
        (",covid,", ",CT,", "'CT'"),
        (",300,", ",wide,", "whole numbers"),
    ],
)
def test_says_what_is_wrong_with_a_table(tmp_path: Path, before: str, after: str, message: str) -> None:
    table = tmp_path / "manifest.csv"
    manifest.write([FIRST], table, tmp_path)
    text = table.read_text(encoding="utf-8")
    assert before in text
    table.write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(ManifestError, match=message):
        manifest.read(table)


def test_labels_that_nobody_asks_for_stay_in_the_table(tmp_path: Path) -> None:
    table = tmp_path / "manifest.csv"
    atypical = replace(OTHER, label="atypical", source="siim", native_width="2330", native_height="2846")
    manifest.write([FIRST, atypical], table, tmp_path)
    assert manifest.read(table) == [FIRST]
    assert manifest.read(table, ("covid", "atypical")) == [FIRST, atypical]


@pytest.mark.parametrize("read", [manifest.read, manifest.root])
def test_says_how_to_make_a_missing_table(tmp_path: Path, read: object) -> None:
    with pytest.raises(ManifestError, match="training prepare"):
        read(tmp_path / "manifest.csv")  # type: ignore[operator]
