"""The command line: the first client of the public interface.

Law of the room: a command reads and writes ordinary files, tells what it found in
words, answers bad input with one sentence, and loads nothing before it is needed.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
