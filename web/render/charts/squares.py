"""Square plots of the models' pages, drawn by the server: they need no script, and no colour of their own."""

from collections.abc import Sequence

from markupsafe import Markup

from web.render.charts.figures import decimal, percent, whole
from web.render.charts.svg import WIDTH, Words, chart, line, path, tag, text

LEFT, TOP, SIDE = 52, 12, 258
BOTTOM = TOP + SIDE
SQUARE = BOTTOM + 46
QUARTERS, HALVES = (0.0, 0.25, 0.5, 0.75, 1.0), (0.0, 0.5, 1.0)


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
