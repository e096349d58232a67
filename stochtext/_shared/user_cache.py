"""The folder in which the package may keep what it can make again."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

__all__ = ["user_cache"]


def user_cache() -> Path | None:
    """Return the folder in ``STOCHTEXT_CACHE``, or ``stochtext`` in the user's cache folder.

    None means that there is no such folder, as for a user without a home.
    """
    chosen = os.environ.get("STOCHTEXT_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    with contextlib.suppress(RuntimeError):
        return _system_cache() / "stochtext"
    return None


def _system_cache() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    chosen = os.environ.get("XDG_CACHE_HOME")
    return Path(chosen) if chosen else Path.home() / ".cache"
