"""A report as one HTML file: its text, tables and plots, and nothing that must be fetched."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from xray.errors import DatasetError

PNG = b"\x89PNG\r\n\x1a\n"
# What stands in a column of figures: it begins with a digit, a sign or the dash of a missing figure.
FIGURE = re.compile(r"[-+−]?\.?\d|[–—]$")

STYLE = """
:root { color-scheme: light; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1.25rem; background: #fff; color: #1b1f23;
  font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 1.8rem; line-height: 1.25; }
h2 { margin: 2.5rem 0 .75rem; padding-top: .75rem; border-top: 1px solid #c9ced4; font-size: 1.3rem; }
p { max-width: 46rem; }
a { color: #0b5394; }
nav ol { padding-left: 1.4rem; }
.scroll { margin: 1.25rem 0; overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption, figcaption { padding-bottom: .4rem; color: #4a5159; font-size: .9rem; text-align: left; }
th, td { padding: .3rem .75rem; border-bottom: 1px solid #e1e4e8; text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid #8a929b; white-space: nowrap; }
tbody th { font-weight: 600; }
.figure { text-align: right; white-space: nowrap; }
figure { margin: 1.25rem 0; }
img { max-width: 100%; height: auto; }
@media print {
  body { max-width: none; margin: 0; padding: 0; font-size: 10pt; }
  .scroll { overflow: visible; }
  figure, tr { break-inside: avoid; }
  h2, caption, thead { break-after: avoid; }
  a { color: inherit; text-decoration: none; }
}
""".strip()


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        caption: says what it shows.
        head: the names of its columns.
        rows: its cells, as many a row as there are columns; the first names the row.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Picture:
    """A plot.

    Attributes:
        source: a PNG, or the path of one.
        caption: says what it shows.
        alt: says what is to be seen on it, to those who do not see it; the caption where it is left out.
    """

    source: Path | bytes
    caption: str
    alt: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the report: its text, then its tables, then its pictures.

    Attributes:
        title: as it stands in the list of contents.
        text: plain; blank lines part paragraphs.
        tables: in their order.
        pictures: in their order.
    """

    title: str
    text: str = ""
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()


def page(title: str, sections: Sequence[Section]) -> str:
    """Return a report that opens anywhere: one HTML file with style and pictures inside.

    Args:
        title: of the whole.
        sections: in their order; each has an anchor, and a line in the list of contents.

    Raises:
        DatasetError: a picture is no PNG, or a row has more or fewer cells than the table has columns.
        OSError: a picture cannot be read.
    """
    anchors = [f"s{number}-{_slug(section.title)}" for number, section in enumerate(sections, start=1)]
    contents = "\n".join(
        f'<li><a href="#{anchor}">{escape(section.title)}</a></li>'
        for anchor, section in zip(anchors, sections, strict=True)
    )
    parts = "\n".join(_section(section, anchor) for section, anchor in zip(sections, anchors, strict=True))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{STYLE}
</style>
</head>
<body>
<h1>{escape(title)}</h1>
<nav aria-label="Contents">
<ol>
{contents}
</ol>
</nav>
<main>
{parts}
</main>
</body>
</html>
"""


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _section(section: Section, anchor: str) -> str:
    paragraphs = [f"<p>{escape(part.strip())}</p>" for part in re.split(r"\n\s*\n", section.text) if part.strip()]
    parts = [*paragraphs, *map(_table, section.tables), *map(_picture, section.pictures)]
    return "\n".join([f'<section id="{anchor}">', f"<h2>{escape(section.title)}</h2>", *parts, "</section>"])


def _table(table: Table) -> str:
    wrong = [row for row in table.rows if len(row) != len(table.head)]
    if wrong:
        raise DatasetError(
            f"Expected {len(table.head)} cells in each row of {table.caption!r}. Received: {list(wrong[0])}."
        )
    rows = [[str(cell) for cell in row] for row in table.rows]
    # A column is set to the right, head and all, where each of its cells is a figure.
    kinds = [' class="figure"' if rows and all(map(FIGURE.match, column)) else "" for column in zip(*rows, strict=True)]
    kinds = kinds or [""] * len(table.head)
    head = "".join(f'<th scope="col"{kind}>{escape(name)}</th>' for kind, name in zip(kinds, table.head, strict=True))
    body = "\n".join(_row(row, kinds) for row in rows)
    return (
        f'<div class="scroll" role="region" aria-label="{escape(table.caption)}" tabindex="0">\n<table>\n'
        f"<caption>{escape(table.caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def _row(row: Sequence[str], kinds: Sequence[str]) -> str:
    name, *cells = (f"{kind}>{escape(cell)}" for kind, cell in zip(kinds, row, strict=True))
    return "".join([f'<tr><th scope="row"{name}</th>', *(f"<td{cell}</td>" for cell in cells), "</tr>"])


def _picture(picture: Picture) -> str:
    data = picture.source if isinstance(picture.source, bytes) else picture.source.read_bytes()
    if not data.startswith(PNG):
        raise DatasetError(f"Expected a PNG for {picture.caption!r}. Received: bytes that begin with {data[:8]!r}.")
    return (
        f"<figure>\n<figcaption>{escape(picture.caption)}</figcaption>\n"
        f'<img alt="{escape(picture.alt or picture.caption)}" '
        f'src="data:image/png;base64,{base64.b64encode(data).decode()}">\n</figure>'
    )
