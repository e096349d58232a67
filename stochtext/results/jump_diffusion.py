"""Results of a fit with jumps."""

from __future__ import annotations

from typing import Any

from stochtext.processes.jumps.jump_diffusion import JumpDiffusion
from stochtext.results.parametric import ParametricResults
from stochtext.simulation.jumps import simulate_jumps
from stochtext.trajectories.panel import Trajectories

__all__ = ["JumpDiffusionResults"]

CONVENTION = (
    "Drift b and covariance rate a are those of the continuous part; jumps come at jump_rate and "
    "have mean jump_mean and covariance jump_factor jump_factor'."
)
MOMENTS = (
    "The estimates are moment estimates: the log likelihood is theirs and not a maximum, and AIC "
    "and BIC are NaN."
)


class JumpDiffusionResults(ParametricResults):
    """Parameters of drift, diffusion and jumps with standard errors."""

    kind = "jump-diffusion"

    def simulate(self, x0: Any, **options: Any) -> Trajectories:
        """Simulate the fitted process; options as in ``simulate_jumps``."""
        assert isinstance(self.process, JumpDiffusion)
        return simulate_jumps(self.process, x0, **options)

    def _notes(self) -> list[str]:
        return [*super()._notes(), MOMENTS, CONVENTION]
