"""What the gate lets in and what it refuses: `python -m training.gate`.

Reads the publisher's manifest.csv of the data root, which also lists what is no frontal chest film. Films
of the training split are left out: the lung network has seen them.
"""

import argparse
import csv
from collections import Counter
from functools import partial
from pathlib import Path

from tqdm import tqdm

from training import manifest
from training.config import data_root
from training.dataset import LUNG_NETWORK
from xray import image, lungs
from xray.errors import ImageError, ManifestError
from xray.polarity import as_film
from xray.runtime import Network


def count(folder: Path, splits: dict[str, str]) -> Counter[tuple[str, str]]:
    """Count pictures by kind and outcome.

    Args:
        folder: holds manifest.csv with at least the columns path, label and view.
        splits: the split of each frontal film's path.

    Returns:
        Numbers by (kind, "refused" or "passed"); a frontal film's kind is its split.
    """
    segment = partial(lungs.segment, network=Network(LUNG_NETWORK))
    found: Counter[tuple[str, str]] = Counter()
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        for row in tqdm(list(csv.DictReader(file)), desc="gate", disable=None):
            lateral = row["label"] == "not_frontal" and row["view"] == "L"
            kind = splits.get(row["path"], "lateral" if lateral else row["label"])
            if kind == "train":
                continue
            try:
                as_film(image.read((folder / row["path"]).read_bytes()), segment)
            except ImageError:
                found[kind, "refused"] += 1
            else:
                found[kind, "passed"] += 1
    return found


def main() -> None:
    """Read the command line and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, default=manifest.MANIFEST)
    args = parser.parse_args()
    if not (data_root() / "manifest.csv").is_file():
        raise ManifestError(f"Expected a manifest.csv in {data_root()}. Received: none. Set XRAY_DATA to its folder.")
    found = count(data_root(), {row.path: row.split for row in manifest.read(args.manifest)})
    for kind in sorted({kind for kind, _ in found}):
        refused, passed = found[kind, "refused"], found[kind, "passed"]
        print(f"{kind:12} refused {refused:5} of {refused + passed:5}")


if __name__ == "__main__":
    main()
