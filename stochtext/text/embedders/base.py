"""What an embedder is, and which one an argument means.

Law: anything with ``encode(list[str]) -> (n, p)`` is an embedder; nobody
downstream asks which.
"""

from __future__ import annotations

import os
from typing import Any, Protocol, runtime_checkable

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import RandomState
from stochtext._shared.validation import check_choice

__all__ = ["Embedder", "resolve_embedder"]


@runtime_checkable
class Embedder(Protocol):
    """Anything that turns n texts into an (n, p) array.

    Three attributes are optional. ``fingerprint`` (str or None) identifies the
    numbers it gives, and allows them to be kept on disk. ``fits_corpus`` (bool)
    says that ``fit(texts)`` must see the training texts first. ``count_truncated``
    tells how many texts are longer than what it reads.
    """

    def encode(self, texts: list[str]) -> Any:
        """Return one row a text."""


def resolve_embedder(
    embedder: Any,
    *,
    batch_size: int = 32,
    dtype: str = "float32",
    random_state: RandomState = None,
) -> Embedder:
    """Return the embedder that an argument means, ready to be fitted.

    Parameters
    ----------
    embedder : str, path or object with ``encode``
        ``"lsa"``, ``"minilm"``, a sentence-transformers name or local folder, or
        an object; one that is fitted to the corpus is copied.
    batch_size : int
        Texts per forward pass.
    dtype : {"float32", "bfloat16"}
        Arithmetic of a model given by name.
    random_state : RandomState
        Seed of the ones that are fitted.

    Raises
    ------
    InputError
        If it is none of these.
    """
    check_choice("dtype", dtype, ("float32", "bfloat16"))
    named = isinstance(embedder, str | os.PathLike) and embedder != "lsa"
    if dtype != "float32" and not named:
        raise InputError(
            f"`dtype` is for models given by name; got dtype={dtype!r} with {embedder!r}."
        )
    if isinstance(embedder, str) and embedder == "lsa":
        from stochtext.text.embedders.lsa import LsaEmbedder

        return LsaEmbedder(random_state=int(generator(random_state, "lsa").integers(2**31)))
    if isinstance(embedder, str) and embedder == "minilm":
        from stochtext.text.embedders.minilm import MiniLMEmbedder

        return MiniLMEmbedder(batch_size=batch_size, dtype=dtype)
    if isinstance(embedder, str | os.PathLike):
        from stochtext.text.embedders.sentence_transformer import SentenceTransformerEmbedder

        return SentenceTransformerEmbedder(embedder, batch_size=batch_size, dtype=dtype)
    if not callable(getattr(embedder, "encode", None)) or isinstance(embedder, type):
        raise InputError(
            "`embedder` must be 'lsa', 'minilm', the name or folder of a sentence-transformers "
            f"model, or an object with encode(list of str); got {embedder!r}. To use embeddings "
            "that you have, pass a list of (T_k, p) arrays in the place of the documents."
        )
    if getattr(embedder, "fits_corpus", False):
        from sklearn.base import clone

        return clone(embedder, safe=False)
    return embedder
