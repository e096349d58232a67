"""The one door for packages that come with an extra."""

from __future__ import annotations

import importlib
from types import ModuleType

from stochtext._shared.exceptions import MissingDependencyError

__all__ = ["import_optional"]


def import_optional(module: str, *, extra: str, needed_by: str) -> ModuleType:
    """Import an optional module or say exactly how to get it.

    Parameters
    ----------
    module : str
        Name of the module to import.
    extra : str
        The extra of this package that installs it.
    needed_by : str
        What the user asked for, for the message.

    Raises
    ------
    MissingDependencyError
        If the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise MissingDependencyError(
            f"{needed_by} needs the package {module!r}, which is not installed. "
            f"Run: pip install 'stochtext[{extra}]'"
        ) from error
