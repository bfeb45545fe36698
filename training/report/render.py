"""Renderer of reports (one self-contained HTML page) and of Markdown tables, with Jinja2."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

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
    sections: Sequence[Section],
    *,
    made: Mapping[str, object] | None = None,
    summary: Sequence[str] = (),
    warnings: Sequence[str] = (),
) -> str:
    """Return a report as one HTML file that holds its style and its pictures.

    Args:
        title: of the report.
        sections: in their order; each has an anchor and an entry in the table of contents.
        made: when, of what and by what the report was made, by name.
        summary: its sentences, the first thing to read.
        warnings: what a reader must know before the figures.

    Raises:
        DatasetError: a picture is no PNG, or a row has more or fewer cells than the table has columns.
        OSError: a picture cannot be read.
    """
    return render("base.html", title=title, sections=sections, made=made or {}, summary=summary, warnings=warnings)


def render(template: str, **values: object) -> str:
    """Fill a template of training/report/templates; values in HTML are escaped, in Markdown they are not.

    Args:
        template: its file name.
        values: what it shows.
    """
    return _ENVIRONMENT.get_template(template).render(**values)


def markdown_table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown, or the word None where it has no rows.

    Args:
        head: the names of its columns.
        rows: its cells.
    """
    if not rows:
        return "None."
    return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in (head, ["---"] * len(head), *rows))


def figure_text(figure: Mapping[str, Any] | None) -> str:
    """Return a figure with its 95 % interval, or a dash where it is undefined."""
    if figure is None:
        return "–"
    interval = "no interval" if figure["low"] is None else f"{figure['low']:.3f}, {figure['high']:.3f}"
    return f"{figure['value']:.3f} [{interval}]"


def _anchor(section: Section, number: int) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-")
    return f"s{number}-{slug}"


def _paragraphs(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]


def _numeric_columns(table: Table) -> list[bool]:
    """Tell for each column whether all its cells are figures, which are aligned right."""
    if wrong := [row for row in table.rows if len(row) != len(table.head)]:
        raise DatasetError(
            f"Expected {len(table.head)} cells in each row of {table.caption!r}. Received: {list(wrong[0])}."
        )
    columns = zip(*table.rows, strict=True) if table.rows else [[""]] * len(table.head)
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
    "anchor": _anchor,
    "paragraphs": _paragraphs,
    "numeric_columns": _numeric_columns,
    "data_uri": _data_uri,
    "markdown": _markdown,
}
