"""From the files of a command to trajectories.

Law: documents that are left out are counted and named.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext.cli.telling import say, warn
from stochtext.text.documents import Documents, name_some
from stochtext.text.reading import read_documents
from stochtext.text.trajectories import TextTrajectories
from stochtext.trajectories.panel import Trajectories

__all__ = ["Corpus", "read_corpus"]


@dataclass(frozen=True)
class Corpus:
    """Documents and what they became.

    Attributes
    ----------
    documents : Documents
    panel : Trajectories
    plain : Trajectories
        In coordinates that were chosen without looking at the order: what the
        order control needs.
    """

    documents: Documents
    panel: Trajectories
    plain: Trajectories


def read_corpus(
    files: tuple[Path, ...],
    *,
    embedder: str,
    projection: str,
    components: int,
    unit: str,
    text: str,
    encoding: str,
    recursive: bool,
    where: tuple[str, ...],
    group_by: str | None,
    max_documents: int | None,
    min_units: int,
    max_units: int | None,
    seed: int,
) -> Corpus:
    """Read, filter and embed documents, telling what happens."""
    read = read_documents(
        list(files), text=text, encoding=encoding, recursive=recursive, empty="drop"
    )
    documents = _filtered(read, where)
    if max_documents is not None:
        documents = documents[:max_documents]
    front = TextTrajectories(
        embedder, unit=unit, projection=projection, n_components=components, min_units=min_units,
        max_units=max_units, short="drop", groups=group_by, random_state=seed,
    )  # fmt: skip
    panel = front.fit_transform(documents)
    _tell(panel, front, list(dict.fromkeys([*read.dropped, *front.dropped_])))
    plain = panel
    if projection != "pca":
        plain = front.set_params(projection="pca").fit_transform(documents)
    return Corpus(documents, panel, plain)


def _filtered(documents: Documents, where: tuple[str, ...]) -> Documents:
    keep = np.ones(len(documents), dtype=bool)
    for rule in where:
        name, sign, value = rule.partition("=")
        if not sign or not name:
            raise InputError(f"--where needs FIELD=VALUE, got {rule!r}.")
        if name not in documents.metadata:
            known = ", ".join(map(str, documents.metadata.columns)) or "none"
            raise InputError(f"--where: there is no field {name!r}; the fields are: {known}.")
        column = documents.metadata[name].astype(str)
        found = column == value
        if value in ("true", "false"):  # as JSON writes them
            found |= column == value.capitalize()
        keep &= found.to_numpy()
        if not keep.any():
            raise InputError(
                f"--where {rule}: no document is left; values of {name!r} are "
                f"{name_some(column.unique())}."
            )
    return documents if keep.all() else documents[keep]


def _tell(panel: Trajectories, front: TextTrajectories, lost: list[Any]) -> None:
    share = float(np.sum(front.explained_variance_ratio_))
    say(
        f"{panel.n_trajectories} documents, {len(panel.values)} {panel.time_unit}s "
        f"({panel.lengths.min()} to {panel.lengths.max()} a document), {panel.n_features} "
        f"coordinates with {100 * share:.0f} % of the variance of the embeddings."
    )
    if lost:
        warn(
            f"{len(lost)} documents left out, empty or with fewer than {front.min_units} "
            f"{panel.time_unit}s: {name_some(lost)}."
        )


def options_of_corpus(options: dict[str, Any]) -> dict[str, Any]:
    """Take the options of ``read_corpus`` out of those of a command."""
    names = (
        "files", "embedder", "projection", "components", "unit", "text", "encoding", "recursive",
        "where", "group_by", "max_documents", "min_units", "max_units",
    )  # fmt: skip
    return {name: options.pop(name) for name in names}
