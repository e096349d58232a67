"""Maximum likelihood of a linear SDE with noise, gaps or trajectories' own means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import as_float_array, check_choice
from stochtext.estimators.linear.state_space.result import Asked, StateSpaceFit
from stochtext.estimators.linear.state_space.search import maximise
from stochtext.estimators.linear.state_space.start import starts
from stochtext.estimators.newton import Optimum
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.linear.mean_basis import MeanBasis
from stochtext.transitions.state_space.layout import Rows, rows_of
from stochtext.transitions.state_space.likelihood import Model, StateSpaceLikelihood
from stochtext.transitions.state_space.model import StateSpaceModel, transition_rows
from stochtext.transitions.state_space.parameters import Shape

__all__ = ["fit_state_space", "likelihood_of", "trajectory_weights"]

# A standard deviation below this share of the data's is zero: the end of its range.
ZERO = 1e-4


def fit_state_space(
    sample: TransitionSample,
    *,
    basis: MeanBasis,
    observation_noise: Any = None,
    mean_effect: str = "none",
    initial: str = "conditional",
    max_iter: int = 500,
) -> StateSpaceFit:
    """Return the maximum-likelihood fit.

    Parameters
    ----------
    sample : TransitionSample
        On the clock of the mean. Single NaN coordinates of its panel are skipped.
    basis : MeanBasis
        Functions of the clock that the mean is a sum of.
    observation_noise : None, "diagonal", "full", float or array
        R: none, estimated, or given: a variance, d variances or a (d, d) covariance.
    mean_effect : {"none", "random"}
    initial : {"conditional", "stationary", "free", "unweighed"}
        Law of the first state: flat, so that the likelihood is that given the first
        observation; stationary around the mean; normal with mean and covariance
        estimated; stationary, without weighing the density of the first observation,
        which ``"conditional"`` becomes with ``mean_effect="random"``.
    max_iter : int
        Iterations of L-BFGS from each start.

    Raises
    ------
    InputError
        If the law of the first state, or of the trajectories' own means, has more
        parameters than there are trajectories, or a given R is no covariance.
    """
    asked = Asked(basis, observation_noise, mean_effect, initial, max_iter)
    likelihood, centre = likelihood_of(sample, asked)
    model, rows = likelihood.model, likelihood.rows
    optimum = maximise(likelihood, starts(model, rows), max_iter)
    optimum, on_bound = _at_zero(optimum, model.shape, np.nanstd(rows.y, axis=0))
    return _report(sample, asked, likelihood, optimum, on_bound, centre)


def likelihood_of(
    sample: TransitionSample, asked: Asked
) -> tuple[StateSpaceLikelihood, FloatArray]:
    """Return the likelihood of the data counted from a centre, and that centre."""
    _check_columns(sample)
    model = _checked_model(sample, asked)
    rows = rows_of(sample.panel, sample.clock, complete_start=model.flat, knots=model.basis.knots)
    if asked.initial == "free":
        _check_first_states(rows, sample)
    centre = np.nanmean(rows.y, axis=0)
    centred = replace(rows, y=rows.y - centre)
    return StateSpaceLikelihood(model, centred, trajectory_weights(sample)), centre


def trajectory_weights(sample: TransitionSample) -> FloatArray:
    """Return the weight of each trajectory."""
    return sample.weight[sample.panel.offsets[:-1] - np.arange(sample.panel.n_trajectories)]


def _checked_model(sample: TransitionSample, asked: Asked) -> Model:
    d, m = sample.dim, sample.panel.n_trajectories
    mean_effect, initial, observation_noise = (
        asked.mean_effect, asked.initial, asked.observation_noise
    )  # fmt: skip
    check_choice("mean_effect", mean_effect, ("none", "random"))
    check_choice("initial", initial, ("conditional", "stationary", "free", "unweighed"))
    if initial == "conditional" and mean_effect == "random":
        initial = "unweighed"
    if (mean_effect == "random" or initial == "free") and m < d + 2:
        option = "mean_effect='random'" if mean_effect == "random" else "initial='free'"
        raise InputError(
            f"{option} estimates a covariance between trajectories and needs at least {d + 2} of "
            f"them in {d} dimension(s); got {m}."
        )
    kind, noise = "none", np.zeros((d, d))
    if isinstance(observation_noise, str):
        kind = check_choice("observation_noise", observation_noise, ("diagonal", "full"))
    elif observation_noise is not None:
        noise = _given_noise(observation_noise, d)
    shape = Shape(d, asked.basis.size, kind, mean_effect == "random", initial == "free")
    return Model(shape, asked.basis, initial, noise)


def _check_columns(sample: TransitionSample) -> None:
    values = sample.panel.values
    seen = np.isfinite(values)
    for j, name in enumerate(sample.panel.columns):
        if not seen[:, j].any():
            raise InputError(f"Column {name!r} holds no observation; remove it.")
        if np.ptp(values[seen[:, j], j]) == 0:
            raise DegenerateDataError(
                f"Column {name!r} never changes, so its diffusion is zero and no density exists. "
                "Remove the column."
            )


def _check_first_states(rows: Rows, sample: TransitionSample) -> None:
    first = rows.y[rows.first]
    first = first[np.isfinite(first).all(axis=1)]
    spread = np.nanstd(rows.y, axis=0)
    away = (first - first.mean(axis=0)) / spread if len(first) else first
    if len(first) < sample.dim + 2 or np.linalg.svd(away, compute_uv=False)[-1] < 1e-6:
        raise DegenerateDataError(
            "initial='free' needs first states that differ in every direction; these are too few "
            "or all alike in one. Use initial='conditional' or 'stationary'."
        )


def _given_noise(value: Any, d: int) -> FloatArray:
    noise = as_float_array("observation_noise", value)
    if noise.ndim == 0:
        noise = noise * np.eye(d)
    elif noise.shape == (d,):
        noise = np.diag(noise)
    good = noise.shape == (d, d) and np.isfinite(noise).all() and np.allclose(noise, noise.T)
    if not good or np.linalg.eigvalsh(noise)[0] < 0:
        raise InputError(
            f"`observation_noise` must be a variance, {d} variances or a ({d}, {d}) covariance "
            f"without negative eigenvalues; got {value!r}."
        )
    return noise


def _at_zero(
    optimum: Optimum, shape: Shape, spread: FloatArray
) -> tuple[Optimum, np.ndarray[Any, Any]]:
    """Return the optimum with vanishing standard deviations set to zero, and which they are."""
    on_bound = np.zeros(shape.size, dtype=bool)
    theta = optimum.theta.copy()
    p = shape.unpack(theta)
    for name, matrix in (("noise", p.noise), ("effect", p.effect), ("spread", p.spread)):
        if matrix is None:
            continue
        marked = np.zeros_like(matrix)
        np.fill_diagonal(marked, np.abs(np.diag(matrix)) < ZERO * spread)
        place = shape.positions(name)
        hit = shape.pack(replace(p, **{name: marked}))[place] == 1.0
        on_bound[place] = hit
    theta[on_bound] = 0.0
    return replace(optimum, theta=theta), on_bound


def _report(
    sample: TransitionSample, asked: Asked, likelihood: StateSpaceLikelihood, optimum: Optimum,
    on_bound: np.ndarray[Any, Any], centre: FloatArray,
) -> StateSpaceFit:  # fmt: skip
    model, rows = likelihood.model, likelihood.rows
    p = model.shape.unpack(optimum.theta)
    moved = p.moved(centre, model.basis)
    fitted = StateSpaceModel.of(moved, model, sample.clock)
    names = (*fitted.process.free_parameters, *model.shape.names())
    filtered = likelihood.filtered(p)
    assert filtered is not None
    bounds = tuple(name for name, hit in zip(names, on_bound, strict=True) if hit)
    return StateSpaceFit(
        asked, fitted, names, replace(optimum, theta=model.shape.pack(moved)),
        likelihood.scores(optimum.theta), transition_rows(filtered, sample.panel),
        -optimum.value, int(np.isfinite(rows.y).sum()), bounds, _notes(rows, sample, bounds),
    )  # fmt: skip


def _notes(rows: Rows, sample: TransitionSample, on_bound: tuple[str, ...]) -> tuple[str, ...]:
    notes = []
    if on_bound:
        notes.append(
            f"{', '.join(on_bound)}: the estimate is zero, the end of the range; no standard error."
        )
    real = rows.place >= 0
    gaps = int(np.isnan(rows.y[real]).sum())
    if gaps:
        notes.append(f"{gaps} missing value(s) were skipped by the filter.")
    left_out = len(sample.panel.values) - int(real.sum())
    if left_out:
        notes.append(
            f"{left_out} row(s) before the first one without a gap were left out "
            "(initial='conditional')."
        )
    return tuple(notes)
