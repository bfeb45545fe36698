"""Charts as SVG, drawn by the server. Colours come from the style sheet, so that they follow light and dark mode."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from web.render.figures import Figure, decimal, percent, whole

WIDTH = 320  # units of every chart: about the pixels of a small telephone, so that letters stay readable there
# The plot area of the square charts.
LEFT, TOP, SIDE = 52, 12, 258
BOTTOM = TOP + SIDE
SQUARE = BOTTOM + 46
QUARTERS, HALVES = (0.0, 0.25, 0.5, 0.75, 1.0), (0.0, 0.5, 1.0)
# As many letters as one line holds; a longer name takes a line of its own.
LETTERS = 42
LINE = 17.0
ANCHORS = {0.0: "start", 0.25: "middle", 0.5: "middle", 0.75: "middle", 1.0: "end"}


@dataclass(frozen=True)
class Words:
    """What a plot says of itself: its id on the page, its title, what is to be seen, and its two axes."""

    id: str
    title: str
    desc: str
    x: str = ""
    y: str = ""


def tag(name: str, *children: str, **attributes: object) -> Markup:
    """Write an element; its text is escaped, and class_ or text_anchor stand for names that Python cannot write."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(escape(child) for child in children)
    # Only what was escaped, or is markup already, comes here.
    return Markup(f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>")


def chart(words: Words, height: float, *children: str, stretched: bool = False) -> Markup:
    """Write a drawing that says in words what it shows.

    Args:
        words: what it says.
        height: in units; it is WIDTH wide.
        children: its elements.
        stretched: whether it fills whatever room the style sheet gives; it must hold no letters then.
    """
    return tag(
        "svg",
        tag("title", words.title, id=f"{words.id}-title"),
        tag("desc", words.desc, id=f"{words.id}-desc"),
        *children,
        class_="chart stretched" if stretched else "chart",
        viewBox=f"0 0 {WIDTH} {_short(height)}",
        preserveAspectRatio="none" if stretched else None,
        role="img",
        aria_labelledby=f"{words.id}-title",
        aria_describedby=f"{words.id}-desc",
    )


def text(x: float, y: float, words: str, anchor: str | None = None, class_: str | None = None) -> Markup:
    """Write words; anchor is middle or end where x is not where they begin."""
    return tag("text", words, x=x, y=y, text_anchor=anchor, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Draw a straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def path(points: list[tuple[float, float]], class_: str, *, closed: bool = False) -> Markup:
    """Draw a line through points."""
    corners = "L".join(f"{_short(x)} {_short(y)}" for x, y in points)
    return tag("path", d=f"M{corners}{'Z' if closed else ''}", class_=class_)


def _short(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def roc(words: Words, points: Sequence[tuple[float, float]], marks: Sequence[tuple[float, float, str]]) -> Markup:
    """Draw a ROC curve.

    Args:
        words: of the plot.
        points: share of false alarms, share found; both 0 to 1, in the curve's order.
        marks: points to be marked, each with its name: operating points.
    """
    placed = [(_x(x), _y(y)) for x, y in points]
    area = path([(_x(0), _y(0)), *placed, (_x(1), _y(0))], "area", closed=True)
    signs = [_sign(number, _x(x), _y(y)) for number, (x, y, _) in enumerate(marks)]
    rows = [(number, SQUARE + 22.0 * number + 14, name) for number, (_, _, name) in enumerate(marks)]
    legend = [part for number, y, name in rows for part in (_sign(number, 8, y - 5), text(22, y, name))]
    drawn = (*_axes(words), area, path(placed, "curve"), *signs, *legend)
    return chart(words, SQUARE + 22 * len(marks) + 4, *drawn)


def reliability(words: Words, bins: Sequence[tuple[float, float, float]]) -> Markup:
    """Draw how often films of about the same score were positive.

    Args:
        words: of the plot.
        bins: mean score, share of positives, share of all films; each 0 to 1.
    """
    placed = [(_x(score), _y(positives)) for score, positives, _ in bins]
    circles = [
        tag("circle", cx=x, cy=y, r=4 + 14 * share**0.5, class_="bin")
        for (x, y), (_, _, share) in zip(placed, bins, strict=True)
    ]
    return chart(words, SQUARE, *_axes(words), path(placed, "curve thin"), *circles)


def histogram(
    words: Words, up: Sequence[int], down: Sequence[int], names: tuple[str, str], band: tuple[float, float, float]
) -> Markup:
    """Draw where scores fell: one class above the line, the other below it.

    Args:
        words: of the plot.
        up: counts of the positive class, in equal steps from 0 to 1.
        down: counts of the negative class.
        names: of the two classes.
        band: where INCONCLUSIVE begins, the threshold, where POSITIVE begins.
    """
    # Each class is drawn to its own largest step: their numbers differ tenfold.
    middle, room, step = TOP + 125.0, 105.0, SIDE / len(up)
    low, threshold, high = (_x(score) for score in band)
    top, bottom = middle - room - 8, middle + room + 8
    bars = [
        _bar(LEFT + index * step + 0.75, middle, step - 1.5, sign * room * count / max(max(counts), 1), class_)
        for counts, sign, class_ in ((up, -1, "positive"), (down, 1, "negative"))
        for index, count in enumerate(counts)
    ]
    ticks = [text(_x(q), bottom + 18, decimal(q, 1), "middle") for q in HALVES]
    return chart(
        words,
        bottom + 44,
        tag("rect", x=low, y=top, width=high - low, height=bottom - top, class_="band"),
        *bars,
        line(LEFT, middle, LEFT + SIDE, middle, "axis"),
        line(threshold, top, threshold, bottom, "threshold"),
        _upright(names[0], (top + middle) / 2),
        _upright(names[1], (bottom + middle) / 2),
        *ticks,
        text(LEFT + SIDE / 2, bottom + 38, words.x, "middle", "name"),
    )


def matrix(words: Words, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]]) -> Markup:
    """Draw a table of counts whose shades are shares of the column.

    Args:
        words: of the plot.
        columns: the truths.
        rows: what was said, each with its count for every truth.
    """
    wide, tall = WIDTH / len(columns), 74
    sums = [sum(counts[index] for _, counts in rows) for index in range(len(columns))]
    cells = [text((index + 0.5) * wide, 18, name, "middle", "name") for index, name in enumerate(columns)]
    for number, (said, counts) in enumerate(rows):
        top = 28 + number * tall
        for index, count in enumerate(counts):
            share = count / max(sums[index], 1)
            left, middle = index * wide, (index + 0.5) * wide
            cells += [
                tag("rect", x=left + 2, y=top, width=wide - 4, height=tall - 4, rx=6, class_="cell"),
                _shade(left + 2, top, wide - 4, tall - 4, share),
                text(middle, top + 22, said, "middle", "name"),
                text(middle, top + 43, whole(count), "middle", "count"),
                text(middle, top + 62, percent(share, 1), "middle", "name"),
            ]
    return chart(words, 28 + tall * len(rows), *cells)


def _x(share: float) -> float:
    return LEFT + SIDE * share


def _y(share: float) -> float:
    return BOTTOM - SIDE * share


def _axes(words: Words) -> list[Markup]:
    """Draw a square from 0 to 1 both ways, with the diagonal and the names of the axes."""
    drawn = [tag("rect", x=LEFT, y=TOP, width=SIDE, height=SIDE, class_="frame")]
    drawn.append(line(LEFT, BOTTOM, LEFT + SIDE, TOP, "chance"))
    for quarter in QUARTERS:
        drawn += [
            line(_x(quarter), BOTTOM, _x(quarter), TOP, "grid"),
            line(LEFT, _y(quarter), LEFT + SIDE, _y(quarter), "grid"),
        ]
    for half in HALVES:
        drawn += [
            text(LEFT - 6, _y(half) + 5, decimal(half, 1), "end"),
            text(_x(half), BOTTOM + 18, decimal(half, 1), "middle"),
        ]
    drawn.append(text(LEFT + SIDE / 2, BOTTOM + 38, words.x, "middle", "name"))
    drawn.append(_upright(words.y, TOP + SIDE / 2))
    return drawn


def _upright(words: str, y: float) -> Markup:
    return tag("text", words, transform=f"translate(14 {y:.1f}) rotate(-90)", text_anchor="middle", class_="name")


def _bar(x: float, base: float, width: float, height: float, class_: str) -> Markup:
    return tag("rect", x=x, y=min(base, base + height), width=width, height=abs(height), class_=class_)


def _shade(x: float, y: float, width: float, height: float, share: float) -> Markup:
    return tag("rect", x=x, y=y, width=width, height=height, rx=6, class_="shade", fill_opacity=round(0.45 * share, 3))


def _sign(number: int, x: float, y: float) -> Markup:
    """Draw a mark whose shape, not its colour, tells it from the next."""
    corners = [[(-6, 0), (0, -6), (6, 0), (0, 6)], [(-5, -5), (5, -5), (5, 5), (-5, 5)], [(-6, 5), (0, -6), (6, 5)]]
    return path([(x + dx, y + dy) for dx, dy in corners[number % 3]], "sign", closed=True)


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
            drawn.append(line(_across(figure.low), y + 27, _across(figure.high), y + 27, f"interval {kind}"))
        drawn.append(_dot(kind, _across(figure.value), y + 27))
        y += 42
    grid = [line(_across(quarter), 0, _across(quarter), y + 2, "grid") for quarter in ANCHORS]
    if reference is not None:
        grid.append(line(_across(reference), 0, _across(reference), y + 2, "chance"))
    ticks = [text(_across(quarter), y + LINE, decimal(quarter, 2), anchor) for quarter, anchor in ANCHORS.items()]
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


def _across(share: float) -> float:
    return 7 + (WIDTH - 14) * min(max(share, 0), 1)


def _side(value: float) -> str:
    return "negative" if value < 0 else "positive"


def _dot(kind: str, x: float, y: float) -> Markup:
    """Draw a figure: a diamond for what saw no lung, a disc for the rest."""
    if kind == "baseline":
        return path([(x - 6, y), (x, y - 6), (x + 6, y), (x, y + 6)], f"dot {kind}", closed=True)
    return tag("circle", cx=x, cy=y, r=5.5, class_=f"dot {kind}")
