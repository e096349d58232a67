"""One self-contained page about what was found: words first, then tables and pictures.

Law of the room: everything that came from data is escaped, nothing is loaded from
elsewhere, nothing is executed.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
