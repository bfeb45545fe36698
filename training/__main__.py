"""The training kit's command line: `python -m training STEP`; the steps are in training/steps.py."""

import argparse
import shlex
import sys
from collections.abc import Sequence

from training.steps import STEPS, Step, listing
from xray.errors import XrayError

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step.

    Args:
        arguments: the step's name and its own arguments; those of the command line by default.

    Returns:
        The exit status: 2 for what a user can mend, said in one line.
    """
    steps = {step.name: step for step in STEPS}
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="The training kit. Each step reads files, writes files, and can be run alone.",
        epilog=listing(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "step", nargs="?", choices=steps, metavar="STEP", help="one of those below; STEP --help says more"
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="...", help="its arguments")
    chosen = parser.parse_args(arguments)
    if chosen.step is None:
        parser.print_help()
        return 2
    return run(steps[chosen.step], chosen.rest)


def run(step: Step, arguments: Sequence[str]) -> int:
    """Run a step; the one place where an error becomes a line.

    Args:
        step: which one.
        arguments: its own.
    """
    try:
        args = step.parser().parse_args(arguments)
        args.command = shlex.join(["python", "-m", "training", step.name, *arguments])
        return int(step.load().run(args) or 0)
    except (XrayError, OSError) as error:
        print(f"{step.name}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\n{step.name}: stopped; run the same command again to go on", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
