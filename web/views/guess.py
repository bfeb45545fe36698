"""Guess first, then see: the examples one by one, a guess, and what is known of each."""

from random import Random

from flask import Blueprint, abort, render_template, request

from web.examples import EXAMPLES, Example
from xray.finding import Finding

blueprint = Blueprint("guess", __name__)

CHOICES = (Finding.NORMAL, Finding.COVID_19, Finding.OTHER_PNEUMONIA)


@blueprint.get("/how/guess")
def index() -> str:
    """Show an example without its finding or, with ?guess=, what is known of it.

    The address alone holds how far the visitor is: ?n=, the number of the example; ?right=, the right guesses before.
    """
    number, right = (request.args.get(name, 0, type=int) for name in ("n", "right"))
    guess = request.args.get("guess")
    order = _order()
    if number not in range(len(order)) or right not in range(number + 1) or guess not in (None, *CHOICES):
        abort(404)
    example = order[number]
    return render_template(
        "guess.html",
        example=example,
        number=number,
        total=len(order),
        choices=CHOICES,
        guess=guess,
        right=right + (guess == example.known),
        models_right=sum(each.says == each.known for each in order[: number + 1]),
    )


def _order() -> list[Example]:
    """Return the examples, mixed, in the same order for everybody."""
    examples = list(EXAMPLES.values())
    Random(1).shuffle(examples)
    return examples
