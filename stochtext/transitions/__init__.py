"""The density of one step of a process, p(x_next | x, dt).

Law of the room: one row is one transition; nothing is summed and no row is dropped.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
