"""Stochastic differential equations for trajectories, and for texts read as trajectories.

The face of the package: names only, each loaded when it is first used. What is
public is declared once, in ``__init__.pyi``; nothing heavy is imported here.
"""

from __future__ import annotations

import lazy_loader

from stochtext._version import __version__ as __version__

# Where a function and a room share a name (``report``), lazy_loader keeps the
# function, also after the room itself was imported.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
