"""Write labels and tables as plain JSON, without pickle, and read them back exactly.

Numbers, strings, truth values, dates, categories and missing entries are
known; anything else is refused by name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError

__all__ = ["decode_array", "decode_series", "encode_array", "encode_series"]

_PLAIN = (str, int, float, bool, type(None))


def encode_series(series: pd.Series, what: str) -> dict[str, Any]:
    """Return dtype and values of a series as objects that JSON can hold."""
    dtype = series.dtype
    code: dict[str, Any] = {"dtype": str(dtype)}
    if isinstance(dtype, pd.CategoricalDtype):
        categories = encode_series(pd.Series(dtype.categories), what)
        code |= {"categories": categories, "ordered": bool(dtype.ordered)}
        return code | {"values": series.cat.codes.tolist()}
    if dtype.kind in "mM":
        zone = getattr(dtype, "tz", None)
        naive = series if zone is None else series.dt.tz_convert("UTC").dt.tz_localize(None)
        raw = naive.to_numpy()
        return code | {"raw": raw.dtype.str, "values": raw.view(np.int64).tolist()}
    return code | {"values": _plain(series.tolist(), what)}


def decode_series(code: dict[str, Any]) -> pd.Series:
    """Return the series that ``encode_series`` wrote."""
    if "categories" in code:
        categories = pd.Index(decode_series(code["categories"]))
        dtype = pd.CategoricalDtype(categories, ordered=code["ordered"])
        return pd.Series(pd.Categorical.from_codes(code["values"], dtype=dtype))
    if "raw" in code:
        series = pd.Series(np.array(code["values"], dtype=np.int64).view(code["raw"]))
        zoned = "," in code["dtype"]
        return series.dt.tz_localize("UTC").astype(code["dtype"]) if zoned else series
    return pd.Series(code["values"], dtype=code["dtype"])


def encode_array(array: np.ndarray[Any, Any], what: str) -> dict[str, Any]:
    """Return dtype and values of a one-dimensional array as objects that JSON can hold."""
    code: dict[str, Any] = {"dtype": array.dtype.str}
    if array.dtype.kind in "mM":
        return code | {"values": array.view(np.int64).tolist()}
    return code | {"values": _plain(array.tolist(), what)}


def decode_array(code: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Return the array that ``encode_array`` wrote."""
    dtype = np.dtype(code["dtype"])
    if dtype.kind in "mM":
        return np.array(code["values"], dtype=np.int64).view(dtype)
    return np.array(code["values"], dtype=dtype)


def _plain(entries: list[Any], what: str) -> list[Any]:
    plain = []
    for row, entry in enumerate(entries):
        value = entry.item() if isinstance(entry, np.generic) else entry
        value = None if value is pd.NA else value
        if not isinstance(value, _PLAIN):
            raise InputError(
                f"{what}, row {row}: an entry of type {type(entry).__name__} cannot be saved. "
                "Convert it to a number or a string."
            )
        plain.append(value)
    return plain
