"""Data to try things on: texts that come with the package, and paths simulated on demand.

Law of the room: nothing is downloaded, nothing is cached, and what is random is
reproducible from its seed.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
