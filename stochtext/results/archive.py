"""The file format of saved results: a ZIP archive of strict JSON and safetensors, with checksums.

The archive holds ``model.json``, ``arrays.safetensors`` and ``manifest.json`` with
the SHA-256 of both. Nothing in it is executed or imported. Knows no results.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError, ModelFileError
from stochtext._shared.typing import FloatArray
from stochtext._version import __version__

__all__ = ["read_archive", "with_prefix", "write_archive"]

FORMAT = 1
MEMBERS = ("model.json", "arrays.safetensors")
MAX_BYTES = 2**31
# What zipfile, zlib and json raise for bytes that are not what they should be.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, OSError, RuntimeError,
    OverflowError,
)  # fmt: skip

Arrays = dict[str, FloatArray]


def write_archive(path: str | PathLike[str], config: dict[str, Any], arrays: Arrays) -> None:
    """Write values and arrays to ``path``: an existing file is replaced at the end, or not at all.

    Parameters
    ----------
    path : path-like
    config : dict
        JSON-able values; NaN and infinities are allowed.
    arrays : dict of str to ndarray

    Raises
    ------
    InputError
        If ``path`` is something else than a regular file.
    OSError
        If the file cannot be written; an existing one is untouched.
    """
    from safetensors.numpy import save as to_safetensors

    members = {
        "model.json": _strict_json(_encode(config)),
        "arrays.safetensors": to_safetensors(
            {name: np.ascontiguousarray(value) for name, value in arrays.items()}
        ),
    }
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    manifest = {"format": FORMAT, "package": "stochtext", "version": __version__, "sha256": digests}
    _write_atomically(Path(path).resolve(), {"manifest.json": _strict_json(manifest), **members})


def read_archive(path: str | PathLike[str]) -> tuple[dict[str, Any], Arrays]:
    """Return the values and arrays written by :func:`write_archive`.

    Raises
    ------
    ModelFileError
        If the file is damaged, of another format, or fails its checksum.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_safetensors

    members = _read_members(Path(path))
    try:
        config = _decode(json.loads(members["model.json"]))
        arrays = dict(from_safetensors(members["arrays.safetensors"]))
    except (*DAMAGE, TypeError, SafetensorError) as error:
        raise ModelFileError(f"{os.fspath(path)!r} is damaged: {error}. Save it again.") from error
    return config, arrays


def with_prefix(arrays: Arrays, prefix: str) -> Arrays:
    """Return the arrays whose name starts with ``prefix``, without it."""
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _encode(value: Any) -> Any:
    """Return a value that strict JSON can hold: non-finite floats become tagged strings."""
    if isinstance(value, dict):
        return {str(k): _encode(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return {"nonfinite": str(value)}
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"nonfinite"}:
            return float(value["nonfinite"])
        return {k: _decode(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_decode(v) for v in value]
    return value


def _strict_json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, sort_keys=True).encode()


def _write_atomically(path: Path, members: dict[str, bytes]) -> None:
    if path.exists() and not path.is_file():
        raise InputError(f"{str(path)!r} exists and is not a regular file; choose another path.")
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, data in members.items():
                    archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, path.stat().st_mode if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _read_members(path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
                raise ModelFileError(f"{str(path)!r} unpacks to more than {MAX_BYTES} bytes.")
            manifest = json.loads(archive.read("manifest.json"))
            members = {name: archive.read(name) for name in MEMBERS}
    except FileNotFoundError:
        raise
    except DAMAGE as error:
        raise ModelFileError(
            f"{str(path)!r} is not a file of saved results: {error}. Save the fit again."
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelFileError(f"{str(path)!r} has another format than {FORMAT}.")
    digests = manifest.get("sha256")
    for name, data in members.items():
        right = hashlib.sha256(data).hexdigest()
        if not isinstance(digests, dict) or digests.get(name) != right:
            raise ModelFileError(f"{str(path)!r}: {name} fails its checksum; the file is damaged.")
    return members
