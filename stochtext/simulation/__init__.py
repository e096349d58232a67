"""Paths of a process on a grid of times.

Law of the room: noise is found by address, never drawn in turn, so that no number depends on
threads, tiles or company. A scheme says what it promises, and refuses the rest.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
