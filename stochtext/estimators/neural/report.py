"""What a fit of NeuralSDE says about itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from stochtext._shared.typing import FloatArray
from stochtext.estimators.base import Fit
from stochtext.estimators.neural.noise.smoother import smooth_states
from stochtext.estimators.neural.selection.ensemble import EnsembleFit
from stochtext.estimators.neural.settings import Settings
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.base import Process
from stochtext.processes.support import Support
from stochtext.results.covariate_rows import row_by_row
from stochtext.results.inference.curves.curve_errors import CurveErrors
from stochtext.results.inference.refits.refitting import Refitting
from stochtext.results.neural import NeuralResults
from stochtext.results.record import FitRecord
from stochtext.results.residuals import Residuals, residuals_of
from stochtext.transitions.base import TransitionDensity

__all__ = ["gains_frame", "history_frame", "notes_of", "results_of"]

COARSE = (
    "Steps are longer than the shortest time constant of a linear fit: drift and covariance rate "
    "are those of one sampling interval, by Euler's density. transition='cubature' asks for those "
    "of the process."
)


def results_of(
    sample: TransitionSample,
    process: Process,
    density: TransitionDensity,
    learned: EnsembleFit,
    errors: CurveErrors,
    notes: tuple[str, ...],
    refitting: Refitting,
    noise: FloatArray | None = None,
) -> Fit:
    """Return the fit with its results.

    Parameters
    ----------
    sample : TransitionSample
    process : Process
    density : TransitionDensity
    learned : EnsembleFit
    errors : CurveErrors
    notes : tuple of str
    refitting : Refitting
    noise : ndarray of shape (d,), optional
        Variance of the noise of the observations.
    """
    llf, residuals = _weighed(sample, process, density, noise)
    record = FitRecord.of_panel(
        sample.panel, model="NeuralSDE", density=density.name,
        llf=llf, clock=sample.clock, converged=learned.converged,
        df_model=learned.edf, details=_details(learned), notes=notes,
        nobs=round(sample.n_effective),
    )  # fmt: skip
    support = Support.from_states(sample.panel.values)
    results = NeuralResults(
        record, process, density, support, residuals, errors, gains=gains_frame(learned),
        history=history_frame(learned), refitting=refitting,
        observation_noise=None if noise is None else np.diag(noise),
    )  # fmt: skip
    return Fit(process, density, results)


def _weighed(
    sample: TransitionSample, process: Process, density: TransitionDensity,
    noise: FloatArray | None,
) -> tuple[float, Residuals]:  # fmt: skip
    """Return the log likelihood and residuals, behind noise those of the filter."""
    if noise is None:

        def densities(own: Process, rows: Any) -> FloatArray:
            s = sample if isinstance(rows, slice) else sample.subset(rows)
            return density.log_density(own, s.x, s.x_next, s.t, s.dt, clock_dt=s.clock_dt)

        log_density = row_by_row(process, sample.panel, sample.trajectory, densities)
        residuals = residuals_of(sample.panel, process, density, sample.clock)
        return float(sample.weight @ log_density), residuals
    states = smooth_states(process, sample.panel, np.diag(noise))
    after = np.arange(sample.n) + sample.trajectory + 1
    innovations = states.innovations[after]
    residuals = Residuals(innovations, ndtr(innovations), sample.trajectory, sample.x)
    return states.log_likelihood, residuals


def notes_of(learned: EnsembleFit, settings: Settings) -> list[str]:
    """Return sentences about what was compared and what is left."""
    lines = [gain.line() for gain in learned.gains]
    if settings.coarse:
        lines.append(COARSE)
    if not learned.gains:
        return lines
    drift = _verdict(learned, "drift", "linear")
    covariance = _verdict(learned, "covariance", "constant")
    lines += [f"Drift: {drift}.", f"Covariance rate: {covariance}."]
    lines.append(
        f"Held out in each of {settings.n_starts} starts: {learned.held_out}; afterwards every "
        "start was trained on all transitions. Degrees of freedom are effective ones."
    )
    lines.append(
        "p-values of networks: one-sided, clustered by held-out unit, of comparisons that end "
        "early where starts agree. Where none was needed, up to 4.5 % of samples kept one at the "
        "level of 5 % (study calibration/network_selection)."
    )
    return [line[0].upper() + line[1:] for line in lines]


def _verdict(learned: EnsembleFit, block: str, simple: str) -> str:
    if block in learned.blocks:
        return "network"
    judged = [gain for gain in learned.gains if gain.block.startswith(block)]
    if not judged:
        return f"{simple}, as asked"
    return f"{simple}; the network added nothing, p = {judged[-1].pvalue:.2g}"


def _details(learned: EnsembleFit) -> tuple[tuple[str, Any], ...]:
    drift = "network" if "drift" in learned.blocks else "linear"
    covariance = "network" if "covariance" in learned.blocks else "constant"
    shown: list[tuple[str, Any]] = [("Drift", drift), ("Covariance rate", covariance)]
    if learned.blocks:
        shown.append(("Starts averaged", f"{learned.kept.sum()} of {len(learned.kept)}"))
    return tuple(shown)


def gains_frame(learned: EnsembleFit) -> pd.DataFrame:
    """Return the comparisons as a frame."""
    return pd.DataFrame(
        [(g.block, g.mean, g.se, g.pvalue, g.kept) for g in learned.gains],
        columns=["block", "gain", "se", "pvalue", "kept"],
    )


def history_frame(learned: EnsembleFit) -> pd.DataFrame:
    """Return the objective of every start in its last training, by iteration."""
    rows = [
        (start, k, value)
        for start, member in enumerate(learned.members)
        for k, value in enumerate(np.asarray(member.history))
    ]
    return pd.DataFrame(rows, columns=["start", "iteration", "objective"])
