"""Panels on disk: ``.npz`` without pickle, or Parquet.

A file appears whole or not at all; what is read passes the checks of the
constructor again.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.optional import import_optional
from stochtext.trajectories.construction.assembly import Parts, freeze
from stochtext.trajectories.construction.labels import check_columns
from stochtext.trajectories.construction.times import check_increasing
from stochtext.trajectories.construction.values import (
    FlatValues,
    check_finite,
    check_lengths,
    offsets_of,
)
from stochtext.trajectories.conversion.labels import (
    decode_array,
    decode_series,
    encode_array,
    encode_series,
)

__all__ = ["read_parts", "write_parts"]

_FORMAT = "stochtext.trajectories"
_VERSION = 1


def write_parts(parts: Parts, path: str | os.PathLike[str]) -> None:
    """Write a panel in the format that the suffix of ``path`` names."""
    target = Path(path)
    writers: dict[str, Callable[[Parts, BinaryIO], None]] = {
        ".npz": _write_npz,
        ".parquet": _write_parquet,
    }
    write = writers[_suffix(target, tuple(writers))]
    if not target.parent.is_dir():
        raise FileNotFoundError(f"The folder {str(target.parent)!r} does not exist.")
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            write(parts, file)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def read_parts(path: str | os.PathLike[str]) -> Parts:
    """Read and check a panel.

    Raises
    ------
    InputError
        If the file is damaged or was not written by ``save``.
    """
    source = Path(path)
    suffix = _suffix(source, (".npz", ".parquet"))
    if not source.is_file():
        raise FileNotFoundError(f"There is no file {str(source)!r}.")
    return _read_npz(source) if suffix == ".npz" else _read_parquet(source)


def _suffix(path: Path, known: tuple[str, ...]) -> str:
    if path.suffix not in known:
        raise InputError(f"{str(path)!r}: the suffix must be one of {', '.join(known)}.")
    return path.suffix


def _header(parts: Parts) -> dict[str, Any]:
    frame = parts.metadata
    columns = [] if frame is None else list(frame.columns)
    for name in columns:
        if not isinstance(name, str):
            raise InputError(f"The metadata column {name!r} cannot be saved: name it by a string.")
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "lengths": np.diff(parts.offsets).tolist(),
        "columns": list(parts.columns),
        "time_unit": parts.time_unit,
        "step": parts.step,
        "ids": None
        if isinstance(parts.ids, pd.RangeIndex) and parts.ids.equals(pd.RangeIndex(len(parts.ids)))
        else encode_series(parts.ids.to_series(), "ids"),
        "groups": None if parts.groups is None else encode_array(parts.groups, "groups"),
        "metadata": [
            [name, encode_series(frame[name], f"metadata column {name!r}")]  # type: ignore[index]
            for name in columns
        ],
    }


def _restore(values: Any, times: Any, header: dict[str, Any]) -> Parts:
    if header.get("format") != _FORMAT:
        raise InputError("not written by Trajectories.save")
    if header["version"] > _VERSION:
        raise InputError(f"format version {header['version']} of a later release; update stochtext")
    lengths = np.array(header["lengths"], dtype=np.int64)
    code = header["ids"]
    if code is None:
        ids: pd.Index = pd.RangeIndex(lengths.size, name="id")
    else:
        ids = pd.Index(decode_series(code), name="id")
    flat = FlatValues(np.ascontiguousarray(values), lengths, None, False)
    offsets = offsets_of(lengths)
    if not len(values) == len(times) == offsets[-1] or len(ids) != lengths.size:
        raise InputError("its parts do not fit one another")
    columns = check_columns(header["columns"], flat.values.shape[1])
    check_lengths(flat, ids)
    check_increasing(times, offsets, ids)
    check_finite(flat.values, offsets, columns, ids, gaps=True)
    described = {name: decode_series(column) for name, column in header["metadata"]}
    return freeze(
        Parts(
            flat.values,
            times,
            offsets,
            ids,
            None if header["groups"] is None else decode_array(header["groups"]),
            columns,
            pd.DataFrame(described).set_axis(ids, axis=0) if described else None,
            header["time_unit"],
            header["step"],
        )
    )


def _write_npz(parts: Parts, file: BinaryIO) -> None:
    text = json.dumps(_header(parts)).encode()
    np.savez(
        file,
        values=parts.values,
        times=parts.times,
        header=np.frombuffer(text, dtype=np.uint8),
    )


def _read_npz(path: Path) -> Parts:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            header = json.loads(archive["header"].tobytes())
            return _restore(archive["values"], archive["times"], header)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError, AttributeError) as error:
        raise InputError(
            f"{str(path)!r} cannot be read as a saved panel: it is damaged, or of another format."
        ) from error


def _parquet_names(columns: tuple[str, ...]) -> list[str]:
    names = []
    for name in ("id", "time"):
        while name in columns:
            name = f"_{name}"
        names.append(name)
    return names


def _write_parquet(parts: Parts, file: BinaryIO) -> None:
    arrow, parquet = _pyarrow("Saving Trajectories as Parquet")
    ids = parts.ids.astype(str) if parts.ids.inferred_type.startswith("mixed") else parts.ids
    labels = ids.repeat(np.diff(parts.offsets)).to_numpy()
    arrays = [labels, parts.times, *(np.ascontiguousarray(c) for c in parts.values.T)]
    names = [*_parquet_names(parts.columns), *parts.columns]
    table = arrow.table([arrow.array(a) for a in arrays], names=names)
    text = json.dumps(_header(parts)).encode()
    parquet.write_table(table.replace_schema_metadata({_FORMAT.encode(): text}), file)


def _read_parquet(path: Path) -> Parts:
    arrow, parquet = _pyarrow("Loading Trajectories from Parquet")
    try:
        table = parquet.read_table(path)
        text = (table.schema.metadata or {}).get(_FORMAT.encode())
        if text is None:
            raise InputError(
                "it holds no header of Trajectories.save. For a long table of your own use "
                "Trajectories.from_frame(pandas.read_parquet(path), id=..., time=...)"
            )
        header = json.loads(text)
        columns = [table.column(name).to_numpy() for name in header["columns"]]
        times = table.column(_parquet_names(tuple(header["columns"]))[1]).to_numpy()
        return _restore(np.column_stack(columns), np.array(times), header)
    except (arrow.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{str(path)!r} cannot be read as a saved panel: {error}.") from error


def _pyarrow(purpose: str) -> tuple[Any, Any]:
    return (
        import_optional("pyarrow", extra="io", needed_by=purpose),
        import_optional("pyarrow.parquet", extra="io", needed_by=purpose),
    )
