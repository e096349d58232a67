"""Draw what was seen and what was found: arrays, processes, panels and tables.

Law of the room: every function takes ``ax=None`` (``fig=None`` where it draws several
panels) and returns what it drew on; nothing is shown, no global style or current figure
is touched, and matplotlib is imported only when something is drawn.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
