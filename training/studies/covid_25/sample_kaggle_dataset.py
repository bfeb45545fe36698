"""Take normal films for the 25 + 25 experiment.

DIR is the children's set as it is published (train/NORMAL/...). The tutorial compares these children with adults who
have COVID-19: that is the flaw which the experiment teaches.
"""

import argparse
import random
import shutil
from pathlib import Path

from training.data.collection import pictures
from xray.errors import ManifestError

SEED = 42


def sample(kaggle: Path, output: Path, number: int, seed: int = SEED) -> list[Path]:
    """Copy normal films that chance picks.

    Args:
        kaggle: holds train/NORMAL/.
        output: the folder to copy into; made where it is missing.
        number: how many.
        seed: of the choice.

    Returns:
        The copies.

    Raises:
        ManifestError: fewer films there than asked for.
    """
    folder = kaggle / "train" / "NORMAL"
    found = sorted(pictures(folder))
    if len(found) < number:
        raise ManifestError(f"{folder}: expected at least {number} pictures; received {len(found)}.")
    chosen = sorted(random.Random(seed).sample(found, number))
    output.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copy(path, output / path.name)) for path in chosen]


def main() -> None:
    """Read the command line and copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-k", "--kaggle", type=Path, required=True, help="the children's set: train/NORMAL/ in it")
    parser.add_argument("-o", "--output", type=Path, required=True, help="dataset/normal")
    parser.add_argument("-s", "--sample", type=int, default=25, help="how many (25)")
    args = parser.parse_args()
    print(f"{args.output}: {len(sample(args.kaggle, args.output, args.sample))} normal films of children")


if __name__ == "__main__":
    main()
