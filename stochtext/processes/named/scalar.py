"""What the named processes of one dimension share: no time dependence, and numbers by name.

Law of this file: it knows no formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stochtext._shared.exceptions import InputError
from stochtext.processes.formula import FormulaProcess

__all__ = ["ScalarFormula"]


class ScalarFormula(FormulaProcess):
    """A one-dimensional process whose coefficients are formulas in the state alone.

    Parameters
    ----------
    params : mapping of str to float or None
        Values by name.
    noise : {"additive", "diagonal"}, default "diagonal"
        Whether the diffusion depends on the state.
    """

    def __init__(self, params: Mapping[str, Any], noise: str = "diagonal") -> None:
        super().__init__(params, dim=1, noise=noise)

    @property
    def autonomous(self) -> bool:
        """The coefficients do not depend on t."""
        return True

    def _numbers(self, *names: str) -> tuple[float, ...]:
        """Return parameter values by name, refusing those not given."""
        self.require_specified()
        return tuple(float(self._params[name]) for name in names)

    def _need(self, condition: bool, what: str, when: str) -> None:
        """Raise InputError unless ``condition``: ``what`` exists only ``when``."""
        if not condition:
            raise InputError(f"{self!r} has {what} only for {when}.")
