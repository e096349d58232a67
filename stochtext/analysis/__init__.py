"""Ask the trajectories themselves: what is dynamics in them, and what only looks like it.

Law of the room: an analysis states its control beside its number, and its
verdict in words.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
