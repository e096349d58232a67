"""The neural estimator of drift and covariance rate."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import ConvergenceWarning, InputError, SampleSizeWarning
from stochtext._shared.random import seed_sequence
from stochtext._shared.typing import RandomState
from stochtext._shared.validation import (
    check_choice,
    check_fraction,
    check_integer,
    check_positive,
)
from stochtext.estimators.base import Fit, SDEEstimator
from stochtext.estimators.neural.ensemble import (
    EnsembleFit,
    Settings,
    fit_ensemble,
    linear_fit,
    process_arrays,
)
from stochtext.estimators.neural.preparation import (
    LinearModel,
    ScaledTransitions,
    Scaling,
    check_noise,
    linear_model,
    scale_transitions,
)
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.base import Process
from stochtext.processes.fitted.extrapolated import ExtrapolatedProcess
from stochtext.processes.fitted.network import NetworkProcess
from stochtext.processes.support import Support
from stochtext.results.functional import FunctionalResults
from stochtext.results.inference.curve_errors import NoErrors
from stochtext.results.record import FitRecord
from stochtext.results.residuals import residuals_of
from stochtext.transitions.registry import transition_density

__all__ = ["NeuralSDE"]

DIFFUSIONS = ("auto", "full", "constant-correlation", "diagonal", "constant")
EXTRAPOLATIONS = ("linear", "network")
LARGEST_FULL_DIM = 4
DEFAULT_RIDGE = 0.1
FEWEST_TRANSITIONS = 100
TRANSITIONS_PER_VARIABLE = 10
NO_BANDS = "confidence bands of network ensembles are not calibrated yet"


class NeuralSDE(SDEEstimator):
    """Neural drift and covariance rate by maximum quasi-likelihood.

    An ensemble of small networks, each added to a linear (Ornstein-Uhlenbeck) fit,
    is trained with early stopping on trajectories that it does not see. A network
    whose gain there is not significant is dropped: the drift falls back to linear, the
    covariance rate to a constant, and the summary says so.

    Parameters
    ----------
    hidden : tuple of int, default (32,)
        Widths of the hidden tanh layers of the drift.
    diffusion_hidden : tuple of int, default (16,)
        Widths of the hidden tanh layers of the covariance rate.
    diffusion : {"auto", "full", "constant-correlation", "diagonal", "constant"}
        How the covariance rate depends on the state: every entry of its Cholesky
        factor; the standard deviations, with one correlation matrix; the standard
        deviations, without correlation; not at all. "auto" is "full" for up to four
        coordinates and "constant-correlation" above.
    time : {None, "time", "relative"}, default None
        Whether drift and covariance rate also depend on the trajectories' time, or on
        the relative position u in [0, 1] within a trajectory.
    linear_skip : bool, default True
        Whether the drift network is added to a linear drift.
    n_starts : int, default 3
        Number of networks. Each has its own random start and its own held-out part;
        drift and covariance rate are averages over them.
    ridge : "auto" or float, default "auto"
        Precision of the Gaussian prior on the networks' weights, in standardised
        units; "auto" is 0.1.
    validation_fraction : float, default 0.2
        Share of the trajectories (of blocks of a single path) that a network does not
        see in training.
    max_iter : int, default 500
        Most L-BFGS iterations.
    patience : int, default 20
        Iterations without a better held-out loss after which a start stops.
    learning_rate : float, default 0.1
        Size of the first step, and a tenth of the longest one, as the largest change of
        a parameter.
    extrapolation : {"linear", "network"}, default "linear"
        How the process continues outside the data's support: as the linear fit to all
        data, or as the networks happen to.
    transition : {"euler"}, default "euler"
        Transition density of the likelihood.
    cov_type : None
        Reserved; standard errors are NaN so far.
    device : str, default "cpu"
        torch device that trains; the fitted process needs no torch.
    random_state : int, Generator, SeedSequence or None
        The same value gives the same fit at a fixed number of threads.
    verbose : int, default 0
        Above 0 a progress bar is shown also where there is no terminal.

    Attributes
    ----------
    drift_ : {"network", "linear"}
    covariance_ : {"network", "constant"}
        What the held-out comparison left.
    gains_ : DataFrame
        Held-out gain of each network, nats per transition, with its standard error
        clustered by held-out unit.
    history_ : DataFrame
        Training and held-out loss of each start that was kept, by iteration.
    n_starts_kept_ : int
        Number of starts that are averaged; 0 for a linear fit.

    Notes
    -----
    The transition is taken as ``X(t + dt) ~ N(X(t) + b dt, a dt)`` with its own dt, which
    is biased when dt is long against the time scale of the process. States are
    standardised, increments divided by the realised variance.

    Starts are trained together, as one tensor program, by full-batch L-BFGS. Each sees
    all but ``validation_fraction`` of the data, another part for each; the fit is not
    repeated on all of it. A network stays if its held-out gain exceeds 1.645 clustered
    standard errors; half of what is held out stops the training while the other half
    judges, and the reverse. Starts with less than a quarter of the best start's gain
    over the linear model are left out of the average.

    With fewer than ``max(100, 10 (p + d))`` weighted transitions, for p inputs and d
    coordinates, the fit is linear, with a `SampleSizeWarning`.

    References
    ----------
    Dietrich, F. et al. (2023), Learning effective stochastic differential equations from
    microscopic simulations, Chaos 33, 023121.
    Oga, A. and Koike, Y. (2024), Drift estimation for a multi-dimensional diffusion process
    using deep neural networks, Stochastic Processes and their Applications 170.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.estimators import NeuralSDE
    >>> rng = np.random.default_rng(0)
    >>> x = np.zeros(4001)
    >>> for k in range(4000):
    ...     x[k + 1] = x[k] + 0.05 * (x[k] - x[k] ** 3) + 0.15 * rng.standard_normal()
    >>> model = NeuralSDE(hidden=(8,), n_starts=2, random_state=0).fit(x[:, None], dt=0.05)
    >>> model.drift_, model.covariance_
    ('network', 'constant')
    """

    def __init__(
        self,
        hidden: tuple[int, ...] = (32,),
        diffusion_hidden: tuple[int, ...] = (16,),
        diffusion: str = "auto",
        *,
        time: str | None = None,
        linear_skip: bool = True,
        n_starts: int = 3,
        ridge: float | str = "auto",
        validation_fraction: float = 0.2,
        max_iter: int = 500,
        patience: int = 20,
        learning_rate: float = 0.1,
        extrapolation: str = "linear",
        transition: str = "euler",
        cov_type: str | None = None,
        device: str = "cpu",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.hidden = hidden
        self.diffusion_hidden = diffusion_hidden
        self.diffusion = diffusion
        self.time = time
        self.linear_skip = linear_skip
        self.n_starts = n_starts
        self.ridge = ridge
        self.validation_fraction = validation_fraction
        self.max_iter = max_iter
        self.patience = patience
        self.learning_rate = learning_rate
        self.extrapolation = extrapolation
        self.transition = transition
        self.cov_type = cov_type
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _clock(self) -> str:
        return "relative" if self.time == "relative" else "time"

    def _fit_sample(self, sample: TransitionSample) -> Fit:
        settings = self._settings(sample.dim)
        observed, sample = sample, sample.subset(sample.weight > 0)
        data, scaling = scale_transitions(sample, with_clock=self.time is not None)
        linear = linear_model(data, diagonal=settings.form == "diagonal")
        check_noise(linear, data)
        learned, remark = linear_fit(linear), _too_few(sample, data)
        if remark:
            warnings.warn(remark, SampleSizeWarning, stacklevel=3)
        else:
            learned = fit_ensemble(sample, data, linear, settings)
        process = self._process(observed, scaling, linear, learned, settings)
        notes = ([remark] if remark else []) + _notes(learned)
        fit = _results(observed, process, learned, tuple(notes))
        if not fit.results.converged:
            warnings.warn(
                f"Training of NeuralSDE reached max_iter={self.max_iter} before a stopping rule "
                "held; raise max_iter to be sure.",
                ConvergenceWarning,
                stacklevel=3,
            )
        self._describe(learned)
        return fit

    def _process(
        self,
        sample: TransitionSample,
        scaling: Scaling,
        linear: LinearModel,
        learned: EnsembleFit,
        settings: Settings,
    ) -> Process:
        form = "full" if settings.form == "constant" or not learned.blocks else settings.form
        inside = NetworkProcess(process_arrays(learned, scaling), form=form, clock=self._clock())
        if not learned.blocks or self.extrapolation == "network":
            return inside
        outside = NetworkProcess(process_arrays(linear_fit(linear), scaling), clock=self._clock())
        return ExtrapolatedProcess(inside, outside, _support(sample))

    def _settings(self, dim: int) -> Settings:
        check_choice("extrapolation", self.extrapolation, EXTRAPOLATIONS)
        check_choice("transition", self.transition, ("euler",))
        if self.time is not None:
            check_choice("time", self.time, ("time", "relative"))
        if self.cov_type is not None:
            raise InputError(
                f"`cov_type` of NeuralSDE must be None, got {self.cov_type!r}: {NO_BANDS}."
            )
        form = check_choice("diffusion", self.diffusion, DIFFUSIONS)
        if form == "auto":
            form = "full" if dim <= LARGEST_FULL_DIM else "constant-correlation"
        ridge = DEFAULT_RIDGE if self.ridge == "auto" else self.ridge
        return Settings(
            hidden=_widths("hidden", self.hidden),
            diffusion_hidden=_widths("diffusion_hidden", self.diffusion_hidden),
            form=form,
            linear_skip=bool(self.linear_skip),
            n_starts=check_integer("n_starts", self.n_starts),
            ridge=check_positive("ridge", ridge, zero=True),
            validation_fraction=_share(self.validation_fraction),
            max_iter=check_integer("max_iter", self.max_iter),
            patience=check_integer("patience", self.patience),
            learning_rate=check_positive("learning_rate", self.learning_rate),
            device=_device(self.device),
            seed=seed_sequence(self.random_state),
            show=True if self.verbose else None,
        )

    def _describe(self, learned: EnsembleFit) -> None:
        self.drift_ = "network" if "drift" in learned.blocks else "linear"
        self.covariance_ = "network" if "covariance" in learned.blocks else "constant"
        self.gains_ = pd.DataFrame(
            [(g.block, g.mean, g.se, g.kept) for g in learned.gains],
            columns=["block", "gain", "se", "kept"],
        )
        self.history_ = _history(learned)
        self.n_starts_kept_ = learned.n_kept


def _widths(name: str, value: Any) -> tuple[int, ...]:
    widths = (value,) if isinstance(value, int | np.integer) else tuple(value)
    if not widths:
        raise InputError(f"`{name}` needs at least one hidden layer; got {value!r}.")
    return tuple(check_integer(name, width) for width in widths)


def _share(value: Any) -> float:
    share = check_fraction("validation_fraction", value)
    if share > 0.5:
        raise InputError(f"`validation_fraction` must be at most 0.5; got {value!r}.")
    return share


def _device(name: str) -> str:
    import torch

    try:
        torch.zeros(1, dtype=torch.float64, device=name)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise InputError(f"`device`={name!r} cannot be used for float64 here: {error}") from None
    return name


def _too_few(sample: TransitionSample, data: ScaledTransitions) -> str:
    needed = max(FEWEST_TRANSITIONS, TRANSITIONS_PER_VARIABLE * (data.inputs.shape[1] + sample.dim))
    if sample.n_effective >= needed:
        return ""
    return (
        f"{sample.n} transitions are too few for networks ({needed} are needed): drift linear, "
        "covariance rate constant."
    )


def _support(sample: TransitionSample) -> Support:
    return Support.from_states(sample.panel.values)


def _notes(learned: EnsembleFit) -> list[str]:
    """Sentences about what was compared and what is left."""
    lines = [gain.line() for gain in learned.gains]
    if not learned.gains:
        return lines
    words = {
        (): "Drift linear and covariance rate constant: the networks added nothing.",
        ("drift",): "The covariance rate is constant.",
        ("covariance",): "The drift is linear: the network added nothing.",
        ("drift", "covariance"): "Drift and covariance rate are networks.",
    }
    lines.append(words[learned.blocks])
    lines.append(
        f"Held out in each of {learned.n_starts} starts: {learned.held_out}; gains are those of "
        "single networks, judged on what did not stop them."
    )
    return [line[0].upper() + line[1:] for line in lines]


def _details(learned: EnsembleFit) -> tuple[tuple[str, Any], ...]:
    drift = "network" if "drift" in learned.blocks else "linear"
    covariance = "network" if "covariance" in learned.blocks else "constant"
    shown: list[tuple[str, Any]] = [("Drift", drift), ("Covariance rate", covariance)]
    if learned.run is not None:
        shown.append(("Starts averaged", f"{learned.n_kept} of {learned.n_starts}"))
    return tuple(shown)


def _history(learned: EnsembleFit) -> pd.DataFrame:
    if learned.run is None:
        return pd.DataFrame(columns=["start", "iteration", "loss", "held_out_loss"])
    losses = learned.run.history
    iteration, start = np.indices(losses.shape[:2])
    frame = pd.DataFrame(
        {
            "start": start.ravel(),
            "iteration": iteration.ravel(),
            "loss": losses[..., 0].ravel(),
            "held_out_loss": losses[..., 1].ravel(),
        }
    )
    # a start that has stopped waits for the others
    return frame[np.isfinite(frame["held_out_loss"])].reset_index(drop=True)


def _results(
    sample: TransitionSample, process: Process, learned: EnsembleFit, notes: tuple[str, ...]
) -> Fit:
    density = transition_density("euler")
    steps = (process, sample.x, sample.x_next, sample.t, sample.dt)
    log_density = density.log_density(*steps, clock_dt=sample.clock_dt)
    residuals = residuals_of(sample.panel, process, density, sample.clock)
    dim = sample.dim
    n_parameters = float("nan")
    if not learned.blocks:
        n_parameters = learned.arrays["drift.slope"].size + dim + dim * (dim + 1) / 2
    stopped = [] if learned.run is None else learned.run.stopped
    record = FitRecord.of_panel(
        sample.panel, model="NeuralSDE", density="euler", llf=float(sample.weight @ log_density),
        clock=sample.clock, converged="max_iter" not in stopped, df_model=n_parameters,
        details=_details(learned), notes=notes, nobs=round(sample.n_effective),
    )  # fmt: skip
    errors = NoErrors(process, NO_BANDS)
    return Fit(
        process,
        density,
        FunctionalResults(record, process, density, _support(sample), residuals, errors),
    )
