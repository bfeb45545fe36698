"""Take the COVID-19 films of the 25 + 25 experiment.

DIR is the COVID-19 image data collection as it is published: metadata.csv beside images/. As the tutorial does, PA
radiographs of COVID-19 are taken, and no other view or finding.
"""

import argparse
import csv
import shutil
from pathlib import Path

from xray.errors import ManifestError

COLUMNS = {"finding", "view", "filename"}


def build(collection: Path, output: Path, most: int | None = None) -> list[Path]:
    """Copy the films.

    Args:
        collection: holds metadata.csv and images/.
        output: the folder to copy into; made where it is missing.
        most: how many at most, the first of the table; all without.

    Returns:
        The copies.

    Raises:
        ManifestError: no table, other columns, or no such film that is there.
    """
    table = collection / "metadata.csv"
    if not table.is_file():
        raise ManifestError(f"{collection}: expected metadata.csv and images/ in it; received no metadata.csv.")
    with table.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if not COLUMNS <= set(reader.fieldnames or ()):
            raise ManifestError(f"{table}: expected the columns {', '.join(sorted(COLUMNS))}; received others.")
        names = [
            row["filename"] for row in reader
            if row["finding"].split("/")[-1] == "COVID-19" and row["view"] == "PA"
        ]  # fmt: skip
    there = [path for path in (collection / "images" / name for name in dict.fromkeys(names)) if path.is_file()][:most]
    if not there:
        raise ManifestError(f"{table}: expected PA films of COVID-19 whose files lie in images/; received none.")
    output.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copy(path, output / path.name)) for path in there]


def main() -> None:
    """Read the command line and copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-c", "--covid", type=Path, required=True, help="the collection: metadata.csv and images/")
    parser.add_argument("-o", "--output", type=Path, required=True, help="dataset/covid")
    parser.add_argument("-s", "--sample", type=int, default=25, help="how many at most (25, the tutorial's)")
    args = parser.parse_args()
    print(f"{args.output}: {len(build(args.covid, args.output, args.sample))} films of COVID-19")


if __name__ == "__main__":
    main()
