"""Rows of tables: CSV, TSV and Parquet, read in blocks.

Law: a cell of text is what the file holds, so that "NA" stays a word; only
metadata become numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from stochtext._shared.exceptions import EncodingError, InputError
from stochtext._shared.optional import import_optional
from stochtext.text.formats.decoding import TextSource, TextStream

__all__ = ["csv_objects", "parquet_objects"]

_ROWS = 2_000

Found = Iterator[tuple[str, dict[str, Any]]]


def csv_objects(path: Path, source: TextSource, text: str, separator: str) -> Found:
    """Yield the rows of a table of text.

    Parameters
    ----------
    path : Path
        The file; its first line names the columns.
    source : TextSource
        How it is read.
    text : str
        The column that is never taken for numbers.
    separator : str
        What stands between two cells.
    """
    with path.open("rb") as stream:
        names = _names(path, TextStream(stream, source, path), separator)
    kept = [name for name in names if name in (text, "text", "output", "response")]
    with path.open("rb") as stream:
        yield from _rows(path, TextStream(stream, source, path), separator, names, kept)


def parquet_objects(path: Path) -> Found:
    """Yield the rows of a Parquet file.

    Parameters
    ----------
    path : Path
        The file.
    """
    import_optional("pyarrow", extra="io", needed_by="a Parquet file")
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            row = 0
            for batch in file.iter_batches(batch_size=_ROWS):
                for record in batch.to_pylist():
                    row += 1
                    yield f"{path}, row {row}", record
    except ArrowException as error:
        raise InputError(f"{path}: no Parquet file that can be read ({error}).") from None


def _names(path: Path, stream: TextStream, separator: str) -> list[str]:
    """Return the names in the first line."""
    table = _parsed(path, stream, sep=separator, nrows=0)
    return [str(name) for name in table.columns]


def _rows(
    path: Path, stream: TextStream, separator: str, names: list[str], kept: list[str]
) -> Found:
    blanks = {name: [""] for name in names if name not in kept}
    blocks = _parsed(
        path, stream, sep=separator, dtype=dict.fromkeys(kept, "object"), index_col=False,
        keep_default_na=False, na_values=blanks, chunksize=_ROWS,
    )  # fmt: skip
    row = 0
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                block = next(blocks, None)
        except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
            raise _malformed(path, error) from None
        if block is None:
            return
        for record in block.astype(object).to_dict("records"):
            row += 1
            yield f"{path}, row {row}", record


def _parsed(path: Path, stream: TextStream, **options: Any) -> Any:
    try:
        return pd.read_csv(stream, **options)
    except EncodingError:
        raise
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise _malformed(path, error) from None


def _malformed(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: no table that can be read ({str(error).strip()}).")
