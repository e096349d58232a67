"""Where a page comes from: versions, machine, command, seed."""

from __future__ import annotations

import datetime
import platform
from importlib import metadata

from stochtext._version import __version__

__all__ = ["PACKAGES", "provenance", "versions"]

PACKAGES = (
    "numpy", "scipy", "pandas", "scikit-learn", "statsmodels", "numba", "torch",
    "sentence-transformers", "matplotlib",
)  # fmt: skip


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Return the installed version of each package, without importing it."""
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def provenance(command: str | None, seed: object) -> list[tuple[str, str]]:
    """Return labelled lines that say how to make the page again."""
    now = datetime.datetime.now(datetime.timezone.utc)
    lines = [
        ("Made", now.strftime("%Y-%m-%d %H:%M UTC")),
        ("stochtext", __version__),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *versions().items(),
    ]
    if seed is not None:
        lines.insert(1, ("Seed", str(seed)))
    if command is not None:
        lines.insert(1, ("Command", command))
    return lines
