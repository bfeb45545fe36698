"""Charts as SVG, drawn by the server. Colours come from the style sheet, so that they follow light and dark mode."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from web.i18n import Figure, decimal, percent, whole

WIDTH = 320  # units of every chart: about the pixels of a small phone, so that text stays readable there
# The plot area of the square charts.
LEFT, TOP, SIDE = 52, 12, 258
BOTTOM = TOP + SIDE
SQUARE = BOTTOM + 46
QUARTERS, HALVES = (0.0, 0.25, 0.5, 0.75, 1.0), (0.0, 0.5, 1.0)
# Characters of one line; a longer name takes a line of its own.
LETTERS = 42
LINE = 17.0
ANCHORS = {0.0: "start", 0.25: "middle", 0.5: "middle", 0.75: "middle", 1.0: "end"}


@dataclass(frozen=True)
class Plot:
    """A chart, its numbers as a table, and a note that says what to see in it."""

    title: str
    drawing: Markup
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Words:
    """The text of a chart: its id on the page, title, description and axis labels."""

    id: str
    title: str
    desc: str
    x: str = ""
    y: str = ""


def tag(name: str, *children: str, **attributes: object) -> Markup:
    """Return an element with its text escaped; class_ and text_anchor stand for the SVG names."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(escape(child) for child in children)
    # Everything in it is escaped, or markup already.
    return Markup(f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>")


def chart(words: Words, height: float, *children: str, stretched: bool = False) -> Markup:
    """Return a drawing with its title and description.

    Args:
        words: its text.
        height: in units; the width is WIDTH.
        children: its elements.
        stretched: whether it fills the room that the style sheet gives; it must hold no text then.
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
    """Return text at a point, which is its start unless `anchor` is middle or end."""
    return tag("text", words, x=x, y=y, text_anchor=anchor, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Return a straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def path(points: list[tuple[float, float]], class_: str, *, closed: bool = False) -> Markup:
    """Return a line through points."""
    corners = "L".join(f"{_short(x)} {_short(y)}" for x, y in points)
    return tag("path", d=f"M{corners}{'Z' if closed else ''}", class_=class_)


def _short(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def roc(words: Words, points: Sequence[tuple[float, float]], marks: Sequence[tuple[float, float, str]]) -> Markup:
    """Return a ROC curve.

    Args:
        words: of the chart.
        points: false positive rate and true positive rate, in the order of the curve.
        marks: operating points, each with its name.
    """
    placed = [(_x(x), _y(y)) for x, y in points]
    area = path([(_x(0), _y(0)), *placed, (_x(1), _y(0))], "area", closed=True)
    signs = [_sign(number, _x(x), _y(y)) for number, (x, y, _) in enumerate(marks)]
    rows = [(number, SQUARE + 22.0 * number + 14, name) for number, (_, _, name) in enumerate(marks)]
    legend = [part for number, y, name in rows for part in (_sign(number, 8, y - 5), text(22, y, name))]
    drawn = (*_axes(words), area, path(placed, "curve"), *signs, *legend)
    return chart(words, SQUARE + 22 * len(marks) + 4, *drawn)


def reliability(words: Words, bins: Sequence[tuple[float, float, float]]) -> Markup:
    """Return a reliability diagram: how often radiographs of about the same score were positive.

    Args:
        words: of the chart.
        bins: mean score, share of positives, share of all radiographs; each 0 to 1.
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
    """Return the score histograms of two labels, one above the axis, the other below it.

    Args:
        words: of the chart.
        up: counts of the positive label, in equal steps from 0 to 1.
        down: counts of the negative label.
        names: of the two labels.
        band: `negative_below`, the threshold, `positive_from`.
    """
    # Each label has its own scale, as their numbers may differ tenfold.
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
    """Return a confusion matrix, shaded by the shares of each column.

    Args:
        words: of the chart.
        columns: the true labels.
        rows: the verdicts, each with its count for every true label.
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


def course(
    words: Words,
    at: Sequence[float],
    lines: Sequence[tuple[str, Sequence[float | None]]],
    *,
    ticks: Sequence[str],
    scale: Sequence[str],
    error: float = 0.0,
    joined: bool = True,
) -> Markup:
    """Return values that change over time, as a line for each of some quantities.

    Args:
        words: of the chart.
        at: when each value was taken, in [0, 1] and rising.
        lines: the name of each quantity and its values, 0 to 1; None where there is none.
        ticks: what stands under each place of `at`; left out where there is no room.
        scale: what stands beside 0, one half and 1.
        error: how far a value may be off.
        joined: whether the values of a quantity are joined: they are of one course.
    """
    across = [LEFT + 12 + (SIDE - 24) * share for share in at]
    drawn = [tag("rect", x=LEFT, y=TOP, width=SIDE, height=SIDE, class_="frame")]
    drawn += [line(LEFT, _y(quarter), LEFT + SIDE, _y(quarter), "grid") for quarter in QUARTERS]
    drawn += [text(LEFT - 6, _y(half) + 5, name, "end") for half, name in zip(HALVES, scale, strict=True)]
    free = 0.0
    for x, name in zip(across, ticks, strict=True):
        if x >= free:
            drawn.append(text(x, BOTTOM + 18, name, "middle"))
            free = x + 9.0 * len(name) + 8
    for number, (_, values) in enumerate(lines):
        known = [(x, value) for x, value in zip(across, values, strict=True) if value is not None]
        ends = [(x, _y(max(0, value - error)), _y(min(1, value + error))) for x, value in known if error]
        drawn += [line(x, low, x, high, "interval own faint") for x, low, high in ends]
        points = [(x, _y(value)) for x, value in known]
        drawn += [path(points, f"curve line-{number}")] if points and joined else []
        drawn += [_sign(number, x, y) for x, y in points]
    names = [name for name, _ in lines] if len(lines) > 1 else []
    rows = [(number, SQUARE + 22.0 * number + 14, name) for number, name in enumerate(names)]
    legend = [part for number, y, name in rows for part in (_sign(number, 8, y - 5), text(22, y, name))]
    below = text(LEFT + SIDE / 2, BOTTOM + 38, words.x, "middle", "name")
    return chart(words, SQUARE + 22 * len(names) + 4, *drawn, below, *legend)


def _x(share: float) -> float:
    return LEFT + SIDE * share


def _y(share: float) -> float:
    return BOTTOM - SIDE * share


def _axes(words: Words) -> list[Markup]:
    """Return the axes of a square chart from 0 to 1, with the diagonal."""
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
    """Return a mark; its shape, not its colour, tells it from the next."""
    corners = [[(-6, 0), (0, -6), (6, 0), (0, 6)], [(-5, -5), (5, -5), (5, 5), (-5, 5)], [(-6, 5), (0, -6), (6, 5)]]
    return path([(x + dx, y + dy) for dx, dy in corners[number % 3]], "sign", closed=True)


def forest(words: Words, rows: Sequence[tuple[str, Figure, str]], *, reference: float | None = None) -> Markup:
    """Return a forest plot: figures from 0 to 1 with their intervals, one below the other.

    Args:
        words: of the chart.
        rows: a name, its figure, and a class for the style sheet: "own", "apart" or "baseline".
        reference: where to draw a line, such as 0.5 for chance.
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
    """Return the terms of a sum as bars: to the right those above 0, to the left those below."""
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
    """Return many values as bars side by side; those with the indices in `marked` stand out."""
    height, step, most = 120.0, WIDTH / len(values), max([*values, 1e-9])

    def drawn(indices: Sequence[int], class_: str, width: float) -> Markup:
        strokes = (f"M{(i + 0.5) * step:.2f} {height:.0f}V{height * (1 - values[i] / most):.1f}" for i in indices)
        return tag("path", d="".join(strokes), class_=class_, stroke_width=round(width, 3))

    plain = [index for index in range(len(values)) if index not in set(marked)]
    parts = drawn(plain, "bars", 0.85 * step), drawn(marked, "bars marked", 2.5 * step)
    return chart(words, height, *parts, stretched=True)


def ridges(words: Words, rows: Sequence[tuple[str, Sequence[float]]], ends: tuple[str, str]) -> Markup:
    """Return histograms over the same axis, one below the other, each to its own scale.

    Args:
        words: of the chart.
        rows: a name, and the height of each of its equal steps.
        ends: what the left and the right end of the axis mean.
    """
    tall, room = 62.0, 38.0
    drawn: list[Markup] = []
    for number, (name, values) in enumerate(rows):
        base, most = (number + 1) * tall, max([*values, 1e-9])
        step = WIDTH / len(values)
        tops = [
            (x, base - room * value / most)
            for index, value in enumerate(values)
            for x in (index * step, (index + 1) * step)
        ]
        outline = [(0.0, base), *tops, (float(WIDTH), base)]
        drawn += [
            path(outline, "area", closed=True),
            path(outline, "curve thin"),
            text(0, base - room - 8, name, class_="strong over"),
        ]
    bottom = len(rows) * tall
    labels = text(0, bottom + LINE, ends[0]), text(WIDTH, bottom + LINE, ends[1], "end")
    middle = line(WIDTH / 2, 0, WIDTH / 2, bottom, "grid")
    return chart(words, bottom + LINE + 6, middle, *drawn, *labels)


def signed(value: float) -> str:
    """Return a number with its sign."""
    return f"{'−' if value < 0 else '+'}{decimal(abs(value))}"


def _across(share: float) -> float:
    return 7 + (WIDTH - 14) * min(max(share, 0), 1)


def _side(value: float) -> str:
    return "negative" if value < 0 else "positive"


def _dot(kind: str, x: float, y: float) -> Markup:
    """Return the mark of a figure: a diamond for a baseline without lungs, a disc for the rest."""
    if kind == "baseline":
        return path([(x - 6, y), (x, y - 6), (x + 6, y), (x, y + 6)], f"dot {kind}", closed=True)
    return tag("circle", cx=x, cy=y, r=5.5, class_=f"dot {kind}")
