"""Parquet: columns of addresses, and rows of results. The only importer of pyarrow."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow
import pyarrow.dataset
import pyarrow.parquet

from xray.archive.row import NUMBERS, REQUIRED, DestinationError, Row
from xray.errors import XrayError
from xray.io import storage

# Few values, often repeated: stored as a dictionary they take next to no room.
FEW = ("model", "verdict", "cautions", "version", "finding")
# pyarrow would read far ahead, into memory.
GENTLY = {"batch_size": 10_000, "batch_readahead": 1, "fragment_readahead": 1}
ALL = pyarrow.schema([(name, pyarrow.float64() if name in NUMBERS else pyarrow.string()) for name in Row._fields])
# The backbone is the name of the folder.
SCHEMA = ALL.remove(ALL.get_field_index("backbone"))


class ColumnError(XrayError):
    """A table without the column of addresses."""


def column(address: str, name: str) -> Iterator[str]:
    """Yield the addresses in a column of a Parquet file or folder, empty ones left out.

    Args:
        address: of the file or folder.
        name: of the column.

    Raises:
        ColumnError: there is no such column.
    """
    found = _dataset(address)
    if name not in found.schema.names:
        raise ColumnError(
            "Expected a column %(name)s in %(address)s (see --column). Received a table with %(columns)s.",
            name=name,
            address=address,
            columns=", ".join(found.schema.names),
        )
    with storage.client_errors():
        for batch in found.to_batches(columns=[name], **GENTLY):
            yield from (str(each) for each in batch.column(0).to_pylist() if each)


def rows(address: str) -> Iterator[Row]:
    """Yield the rows of a folder of results.

    Raises:
        DestinationError: a folder with other columns.
    """
    found = _dataset(address)
    if found.files and not set(REQUIRED) <= set(found.schema.names):
        raise DestinationError(
            "Expected a folder of results. Received one of another kind, %(address)s: name a new one.", address=address
        )
    if found.files:
        with storage.client_errors():
            # Parts of before lack what was added later.
            for batch in found.replace_schema(ALL).to_batches(columns=list(Row._fields), **GENTLY):
                columns = (each if each.type == pyarrow.float64() else each.fill_null("") for each in batch.columns)
                yield from map(Row._make, zip(*(each.to_pylist() for each in columns), strict=True))


def encoded(rows: Sequence[Row]) -> bytes:
    """Return rows as a Parquet file."""
    columns = zip(*rows, strict=True)
    arrays = {name: values for name, values in zip(Row._fields, columns, strict=True) if name in SCHEMA.names}
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(
        pyarrow.table(arrays, schema=SCHEMA), sink, compression="zstd", use_dictionary=list(FEW)
    )
    return bytes(sink.getvalue())


def _dataset(address: str) -> Any:
    files, path = storage.filesystem(address) if storage.is_url(address) else (None, storage.local(address))
    with storage.client_errors():
        return pyarrow.dataset.dataset(path, filesystem=files, format="parquet", partitioning="hive")
