"""Judge a fit by its residuals: tests on arrays.

Law of the room: it takes standardised residuals and the trajectory each belongs
to; it knows no estimator and no results object. No pair of residuals is ever
formed across two trajectories.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
