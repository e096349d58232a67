"""Use what was fitted: judge documents against a reference, with their own doubt stated.

Law of the room: a score belongs to a text and a reference corpus together, and a
text that is too short to be judged is said to be so.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
