"""Find the model that predicts unseen transitions best, and test whether that is chance.

Law of the room: every model is scored on the same held-out transitions, and a
difference comes with an error that respects what belongs together.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
