"""Renderer of reports (one self-contained HTML page) and of Markdown tables, with Jinja2."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from xray.errors import DatasetError

PNG = b"\x89PNG\r\n\x1a\n"
# A cell of a numeric column: it starts with a digit or a sign, or is the dash of a missing figure.
NUMERIC = re.compile(r"[-+−]?\.?\d|[–—]$")
# The figures of a part of the test split, by their key in metadata.json.
FIGURES = {"roc_auc": "ROC AUC", "sensitivity": "sensitivity", "specificity": "specificity"}


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        caption: says what it shows.
        head: the names of its columns.
        rows: its cells, as many in each row as there are columns; the first cell names the row.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Picture:
    """A plot or an image.

    Attributes:
        source: a PNG, or the path of one.
        caption: says what it shows.
        alt: alternative text; the caption where it is left out.
    """

    source: Path | bytes
    caption: str
    alt: str = ""


@dataclass(frozen=True)
class Section:
    """A section of a report: its text, then its pictures side by side, then its tables.

    Attributes:
        title: as it stands in the table of contents.
        text: plain text; blank lines separate paragraphs.
        tables: in their order.
        pictures: in their order.
    """

    title: str
    text: str = ""
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()


def page(
    title: str,
    sections: Sequence[Section] = (),
    *,
    template: str = "base.html",
    made: Mapping[str, object] | None = None,
    summary: Sequence[str] = (),
    warnings: Sequence[str] = (),
    **values: object,
) -> str:
    """Return a report as one HTML file that holds its style and its pictures.

    Args:
        title: of the report.
        sections: in their order; each has an entry in the table of contents. None where the template holds them.
        template: extends base.html with the words of a report whose figures alone change.
        made: when, of what and by what the report was made, by name.
        summary: its sentences, the first thing to read.
        warnings: what a reader must know before the figures.
        values: what the template shows.

    Raises:
        DatasetError: a picture is no PNG, or a row has more or fewer cells than the table has columns.
        OSError: a picture cannot be read.
    """
    shown = {"title": title, "sections": sections, "made": made or {}, "summary": summary, "warnings": warnings}
    return render(template, **shown, **values)


def render(template: str, **values: object) -> str:
    """Fill a template of training/report/templates; values in HTML are escaped, in Markdown they are not."""
    return _ENVIRONMENT.get_template(template).render(**values)


def markdown_table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown, or the word None where it has no rows."""
    if not rows:
        return "None."
    return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in (head, ["---"] * len(head), *rows))


def figure_text(figure: Mapping[str, Any] | None) -> str:
    """Return a figure with its 95 % interval, or a dash where it is undefined."""
    if figure is None:
        return "–"
    interval = "no interval" if figure["low"] is None else f"{figure['low']:.3f}, {figure['high']:.3f}"
    return f"{figure['value']:.3f} [{interval}]"


def _paragraphs(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]


def _titles(body: str) -> list[Markup]:
    return [Markup(title) for title in re.findall("<h2>(.*?)</h2>", body)]  # escaped already


def _numbered(body: str) -> Markup:
    """Give each section the address that the table of contents leads to."""
    number = count(1)
    return Markup(re.sub("<section>", lambda _: f'<section id="s{next(number)}">', body))


def _numeric_columns(rows: Sequence[Sequence[object]], head: Sequence[str], caption: str) -> list[bool]:
    """Tell for each column whether all its cells are figures, which are aligned right."""
    if wrong := [row for row in rows if len(row) != len(head)]:
        raise DatasetError(f"Expected {len(head)} cells in each row of {caption!r}. Received: {list(wrong[0])}.")
    columns = zip(*rows, strict=True) if rows else [[""]] * len(head)
    return [all(NUMERIC.match(str(cell)) for cell in column) for column in columns]


def _data_uri(picture: Picture) -> str:
    data = picture.source if isinstance(picture.source, bytes) else picture.source.read_bytes()
    if not data.startswith(PNG):
        raise DatasetError(f"Expected a PNG for {picture.caption!r}. Received: bytes that begin with {data[:8]!r}.")
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _markdown(table: Table) -> str:
    return f"*{table.caption}*\n\n{markdown_table(table.head, table.rows)}"


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=lambda name: name is not None and name.endswith(".html"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.filters |= {
    "paragraphs": _paragraphs,
    "titles": _titles,
    "numbered": _numbered,
    "numeric_columns": _numeric_columns,
    "data_uri": _data_uri,
    "markdown": _markdown,
}
