"""Texts become trajectories: reading, segmenting, embedding, projecting.

Law: units are taken as written, neither smoothed nor overlapping unless asked,
and whatever is learned is learned from the training documents.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
