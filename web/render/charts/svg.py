"""SVG written by the server. What it looks like is the style sheet's to say, so that it follows light and dark."""

from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH = 320  # units of every chart: about the pixels of a small telephone, so that letters stay readable there


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
