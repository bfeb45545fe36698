"""Fetch the published data sets.

Shows the licence of each and asks; goes on where it was cut off; compares checksums; unpacks into the folders that
`python -m training prepare` reads. Without names it fetches all (the
Radiography Database where a Kaggle token is set).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from training.data.download.fetch import fetch, is_there
from training.data.download.published import HOW, PublishedSet, kaggle_token, pins, published
from xray.errors import DatasetError


def chosen(names: Sequence[str], known: dict[str, PublishedSet], token: tuple[str, str] | None) -> list[PublishedSet]:
    """Return the sets that are asked for; all that can be had where none is named.

    Raises:
        DatasetError: a set by name that wants a token where none is set.
    """
    wanted = [known[name] for name in dict.fromkeys(names or known)]
    without = [each for each in wanted if each.kaggle and token is None]
    if names and without:
        raise DatasetError(f"{without[0].name}: expected a Kaggle token. Received none: {HOW}.")
    for each in without:
        print(f"{each.name}: left out, for it wants a Kaggle token: {HOW}")
    return [each for each in wanted if each not in without]


def agreed(known: PublishedSet, output: Path, *, yes: bool) -> bool:
    """Show what would be fetched and on which terms; ask, unless the user has said yes already.

    Raises:
        DatasetError: there is nobody to ask.
    """
    size = f"{known.archive_mb / 1000:.2f} GB to download, {known.unpacked_mb / 1000:.2f} GB unpacked, about"
    print(f"\n{known.name}: {known.title}\n  {known.page}\n  {size}; to {output / known.lands}")
    print(f"  Terms: {known.licence}")
    if yes:
        return True
    try:
        return input("  Do you accept these terms? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError as error:
        raise DatasetError("Expected an answer. Received none: scripts say --yes once their owner agreed.") from error


def next_step(there: Sequence[PublishedSet], output: Path) -> str:
    """Return the command that reads what is there."""
    sources = dict.fromkeys(output / each.source for each in there)
    return "python -m training prepare " + " ".join(f"--source {quote(str(source))}" for source in sources)


def run(args: argparse.Namespace) -> int:
    """Fetch the data sets that are asked for; return 2 where one of them could not be fetched."""
    known = published()
    unknown = sorted(set(args.names) - known.keys())
    if unknown:
        raise DatasetError(f"expected names of data sets, {', '.join(known)}; received {', '.join(unknown)}")
    pinned, token = pins(args.pin, known), kaggle_token()
    asked = chosen(args.names, known, token)
    wanted = [each for each in asked if is_there(each, args.output) or agreed(each, args.output, yes=args.yes)]
    there: list[PublishedSet] = []
    for each in wanted:
        its_token = token if each.kaggle else None
        try:
            fetch(each, args.output, pin=pinned.get(each.name, ""), token=its_token, keep=args.keep)
            there.append(each)
        except (DatasetError, OSError) as error:  # the others may still come
            print(f"download: {error}", file=sys.stderr)
    if there:
        print(f"\nNext: {next_step(there, args.output)}")
    return 0 if len(there) == len(wanted) else 2
