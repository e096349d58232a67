"""States of a training on disk, written whole or not at all, read without pickle.

Law of this file: a state belongs to the data and the settings whose fingerprint it carries; it
is refused for any others.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError, ModelFileError
from stochtext._shared.typing import FloatArray

__all__ = ["Checkpoint", "fingerprint"]

_FORMAT = 1


def fingerprint(*parts: Any) -> str:
    """Return a digest of arrays and of values whose ``repr`` says what they are."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(str((part.shape, part.dtype.str)).encode())
            digest.update(np.ascontiguousarray(part).data)
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


class Checkpoint:
    """Where a training keeps its state, so that it can be stopped and resumed bit for bit.

    Parameters
    ----------
    path : str, Path or None
        None keeps nothing.
    key : str
        Fingerprint of data and settings.

    Examples
    --------
    >>> import tempfile, pathlib, numpy as np
    >>> from stochtext.estimators.neural.training.checkpointing import Checkpoint
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "state"
    >>> Checkpoint(path, "a").save("run", {"theta": np.ones(2)}, iteration=3)
    >>> arrays, facts = Checkpoint(path, "a").load("run")
    >>> arrays["theta"], facts["iteration"]
    (array([1., 1.]), 3)
    """

    def __init__(self, path: str | os.PathLike[str] | None, key: str) -> None:
        self.path = None if path is None else Path(path)
        self.key = key
        self._rooms = self._read()

    def load(self, room: str) -> tuple[dict[str, FloatArray], dict[str, Any]] | None:
        """Return arrays and facts that were saved for one part of the training, or None."""
        return self._rooms.get(room)

    def save(self, room: str, arrays: dict[str, FloatArray], **facts: Any) -> None:
        """Keep arrays and JSON-able facts of one part of the training.

        Parameters
        ----------
        room : str
            Name of the part; without "/".
        arrays : dict of str to ndarray
        **facts
            JSON-able.
        """
        if self.path is None:
            return
        own = {name: np.array(array) for name, array in arrays.items()}
        self._rooms[room] = own, facts
        packed = {
            f"{name}/{key}": array
            for name, (held, _) in self._rooms.items()
            for key, array in held.items()
        }
        about = {
            "format": _FORMAT,
            "key": self.key,
            "rooms": {name: facts for name, (_, facts) in self._rooms.items()},
        }
        packed["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
        self._write(packed)

    def remove(self) -> None:
        """Delete the file: the training is over."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        self._rooms = {}

    def _write(self, packed: dict[str, Any]) -> None:
        assert self.path is not None
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with beside.open("wb") as file:
                np.savez(file, **packed)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            raise InputError(
                f"`checkpoint` {str(self.path)!r} cannot be written: {error}."
            ) from None
        finally:
            beside.unlink(missing_ok=True)

    def _read(self) -> dict[str, tuple[dict[str, FloatArray], dict[str, Any]]]:
        if self.path is None or not self.path.exists():
            return {}
        try:
            with np.load(self.path, allow_pickle=False) as file:
                about = json.loads(file["about"].tobytes())
                arrays = {name: file[name] for name in file.files if name != "about"}
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise ModelFileError(
                f"`checkpoint` {str(self.path)!r} is no readable training state ({error}). Delete "
                "it to start anew."
            ) from None
        if about.get("format") != _FORMAT or about.get("key") != self.key:
            raise InputError(
                f"`checkpoint` {str(self.path)!r} belongs to other data or settings. Delete it, or "
                "give another path."
            )
        rooms: dict[str, tuple[dict[str, FloatArray], dict[str, Any]]] = {}
        for room, facts in about["rooms"].items():
            start = f"{room}/"
            own = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
            rooms[room] = own, facts
        return rooms
