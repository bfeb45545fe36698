"""Charts with a row for each figure: intervals, what adds up to a sum; and many values side by side."""

from collections.abc import Sequence

from markupsafe import Markup

from web.render.charts.figures import Figure, decimal
from web.render.charts.svg import WIDTH, Words, chart, line, path, tag, text

# As many letters as one line holds; a longer name takes a line of its own.
LETTERS = 42
LINE = 17.0
QUARTERS = {0.0: "start", 0.25: "middle", 0.5: "middle", 0.75: "middle", 1.0: "end"}


def forest(words: Words, rows: Sequence[tuple[str, Figure, str]], *, reference: float | None = None) -> Markup:
    """Draw shares with their intervals, one below the other, on a line from 0 to 1.

    Args:
        words: of the chart.
        rows: a name, its figure, and a class for the style sheet: "own", "apart" or "baseline".
        reference: where a line shall stand, such as 0.5 for a guess.
    """
    drawn: list[Markup] = []
    y = 0.0
    for name, figure, kind in rows:
        drawn.append(text(0, y + 14, name, class_="strong over"))
        if len(name) + len(str(figure)) > LETTERS:
            y += LINE
        drawn.append(text(WIDTH, y + 14, str(figure), "end", "over"))
        if figure.low is not None and figure.high is not None:
            drawn.append(line(_x(figure.low), y + 27, _x(figure.high), y + 27, f"interval {kind}"))
        drawn.append(_dot(kind, _x(figure.value), y + 27))
        y += 42
    grid = [line(_x(quarter), 0, _x(quarter), y + 2, "grid") for quarter in QUARTERS]
    if reference is not None:
        grid.append(line(_x(reference), 0, _x(reference), y + 2, "chance"))
    ticks = [text(_x(quarter), y + LINE, decimal(quarter, 2), anchor) for quarter, anchor in QUARTERS.items()]
    return chart(words, y + 24, *grid, *drawn, *ticks)


def balance(words: Words, rows: Sequence[tuple[str, float]]) -> Markup:
    """Draw what adds up to a sum: to the right what is above 0, to the left what is below."""
    most = max([abs(value) for _, value in rows] + [1e-9])
    middle, tall = WIDTH / 2, 34
    drawn = [line(middle, 0, middle, tall * len(rows), "axis")]
    for number, (name, value) in enumerate(rows):
        top, wide = number * tall, (middle - 4) * abs(value) / most
        drawn += [
            text(0, top + 14, name),
            text(WIDTH, top + 14, signed(value), "end", "strong"),
            tag("rect", x=middle - (wide if value < 0 else 0), y=top + 19, width=wide, height=10, class_=_side(value)),
        ]
    return chart(words, tall * len(rows) + 2, *drawn)


def bars(words: Words, values: Sequence[float], marked: Sequence[int] = ()) -> Markup:
    """Draw many values side by side, the largest as high as there is room; some of them may be marked."""
    height, step, most = 120.0, WIDTH / len(values), max([*values, 1e-9])

    def drawn(indices: Sequence[int], class_: str, width: float) -> Markup:
        strokes = (f"M{(i + 0.5) * step:.2f} {height:.0f}V{height * (1 - values[i] / most):.1f}" for i in indices)
        return tag("path", d="".join(strokes), class_=class_, stroke_width=round(width, 3))

    plain = [index for index in range(len(values)) if index not in set(marked)]
    parts = drawn(plain, "bars", 0.85 * step), drawn(marked, "bars marked", 2.5 * step)
    return chart(words, height, *parts, stretched=True)


def signed(value: float) -> str:
    """Write a number with its sign."""
    return f"{'−' if value < 0 else '+'}{decimal(abs(value))}"


def _x(share: float) -> float:
    return 7 + (WIDTH - 14) * min(max(share, 0), 1)


def _side(value: float) -> str:
    return "negative" if value < 0 else "positive"


def _dot(kind: str, x: float, y: float) -> Markup:
    """Draw a figure: a diamond for what saw no lung, a disc for the rest."""
    if kind == "baseline":
        return path([(x - 6, y), (x, y - 6), (x + 6, y), (x, y + 6)], f"dot {kind}", closed=True)
    return tag("circle", cx=x, cy=y, r=5.5, class_=f"dot {kind}")
