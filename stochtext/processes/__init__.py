"""Diffusion processes: named, written by the user, fitted or learned, always the same type.

Law of the room: a process knows its formula; it knows no data, no scheme and no estimator.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
