"""Observed paths: the panel, its transformers and its splitter. Knows no process and no model."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
