"""The neural estimator of drift and covariance rate."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stochtext._shared.exceptions import ConvergenceWarning, SampleSizeWarning
from stochtext._shared.typing import RandomState
from stochtext.estimators.base import Fit, SDEEstimator
from stochtext.estimators.neural.conditioned import ConditionedEstimator
from stochtext.estimators.neural.covariates import coding_of
from stochtext.estimators.neural.errors.bands import ensemble_errors, refitted_errors
from stochtext.estimators.neural.modules.fitting import fit_modules, options_of
from stochtext.estimators.neural.networks.preparation import (
    check_noise,
    linear_model,
    scale_transitions,
    too_few,
)
from stochtext.estimators.neural.noise.expectation_maximisation import (
    NoiseFit,
    NoiseSettings,
    asked_noise,
    noise_notes,
)
from stochtext.estimators.neural.noise.rows_behind_noise import learn_behind_noise
from stochtext.estimators.neural.options import settings_of
from stochtext.estimators.neural.report import (
    gains_frame,
    history_frame,
    notes_of,
    results_of,
)
from stochtext.estimators.neural.selection.ensemble import (
    EnsembleFit,
    fit_ensemble,
    linear_ensemble,
    process_arrays,
)
from stochtext.estimators.neural.settings import Settings
from stochtext.estimators.neural.streams.fitting import finish_on_stream, surveyed
from stochtext.estimators.neural.streams.transition_stream import TransitionStream
from stochtext.estimators.neural.training.remembering import checkpoint_of
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.base import Process
from stochtext.processes.fitted.extrapolated import ExtrapolatedProcess
from stochtext.processes.fitted.networks.covariate_coding import CovariateCoding
from stochtext.processes.fitted.networks.covariate_network import CovariateNetwork
from stochtext.processes.fitted.networks.network import NetworkProcess
from stochtext.processes.support import Support
from stochtext.results.covariate_rows import rows_of
from stochtext.results.inference.curves.curve_errors import CurveErrors, NoErrors
from stochtext.results.inference.refits.refitting import Refitting
from stochtext.transitions.base import TransitionDensity
from stochtext.transitions.registry import transition_density

__all__ = ["NeuralSDE"]

NO_BANDS = "not asked for: cov_type is None"
SEVERAL_LAWS = 200


class NeuralSDE(ConditionedEstimator):
    """Neural drift and covariance rate by maximum quasi-likelihood.

    An ensemble of small networks, each added to a linear (Ornstein-Uhlenbeck) fit, with
    moments of the transition that hold over long steps. A network that does not gain on
    held-out transitions is dropped: the drift falls back to linear, the covariance rate to
    a constant, and the summary says so.

    Parameters
    ----------
    hidden : tuple of int, default (24,)
        Widths of the hidden tanh layers of the drift.
    diffusion_hidden : tuple of int, default (12,)
        Widths of the hidden tanh layers of the covariance rate.
    diffusion : {"auto", "full", "constant-correlation", "diagonal", "constant"}
        How the covariance rate depends on the state: every entry of its Cholesky
        factor; the standard deviations, with one correlation matrix; the standard
        deviations, without correlation; not at all. "auto" is "full" for up to four
        coordinates and "constant-correlation" above.
    time : {None, "time", "relative"}, default None
        Whether drift and covariance rate also depend on the trajectories' time, or on
        the relative position u in [0, 1] within a trajectory.
    covariates : sequence of str, default ()
        Numeric columns of the metadata that are further inputs of drift and networks.
        Curves stand at their means unless ``covariates=`` says otherwise.
    group_effects : sequence of str, default ()
        Columns of the metadata with labels, whose levels shift the drift by effects that
        add up to zero; a covariance network sees them as inputs. A level that was not
        fitted is an error.
    linear_skip : bool, default True
        Whether the drift network is added to a linear drift.
    n_starts : int, default 5
        Number of networks. Drift and covariance rate are averages over those near the best.
    ridge : "evidence", "cv" or float, default "evidence"
        Precision of the Gaussian prior on the networks' weights, in standardised units: for
        each layer what maximises its evidence, one for all by held-out transitions, or given.
    transition : {"auto", "cubature", "euler", "mixture"}, default "auto"
        Moments of a step: of the diffusion ("rk4" is a synonym), or of one Euler step; "auto"
        is "euler" where steps are longer than the shortest time constant of a linear fit.
        "mixture" trains as "cubature" and weighs transitions by a simulated density, for
        steps whose law is far from a Gaussian.
    substeps : "auto" or int, default "auto"
        Steps into which a transition is cut. "auto" cuts each to half of the time scale
        of the drift there, and does not cut for "euler".
    optimizer : {"auto", "lm", "lbfgs", "adam"}, default "auto"
        Levenberg-Marquardt, preconditioned L-BFGS, or Adam; "auto" is the first for up to
        1500 parameters and the second above.
    obs_noise : None, "auto", float or array, default None
        Noise of the observations: none; estimated if a test finds it; its standard
        deviations or covariance.
    cov_type : {"ensemble", "laplace", "bootstrap"} or None, default "ensemble"
        What standard errors come from; None for none.
    validation_fraction : float, default 0.2
        Share of the trajectories (of blocks of a single path) that a start does not
        see while networks are judged.
    max_iter : int, default 60
        Most iterations of each stage of the training.
    batch_size : int, optional
        Transitions at a time, for "adam" and for modules.
    drift_module, diffusion_module : torch.nn.Module, optional
        Networks of your own: from standardised states (n, d), and times (n,) with ``time``,
        to what is added to the linear drift (n, d), in standardised units; to the log
        standard deviations (n, d), with or without the lower triangle of the factor by rows.
        A ``Sequential`` gets state and time as one array. They are copied.
    extrapolation : {"linear", "network"}, default "linear"
        How the process continues outside the data's support: as the linear fit to all
        data, or as the networks happen to.
    device : str, default "auto"
        Where modules of your own are trained: "auto" is CUDA where there is one. The
        built-in networks are always trained on the processor.
    checkpoint : path, optional
        File that keeps what has been trained, so that the same call goes on after an
        interruption, to the same numbers; needs a ``random_state``.
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
        clustered by held-out unit and the p-value of "no gain".
    history_ : DataFrame
        Objective of each start in its last training, by iteration.
    ensemble_ : EnsembleFit
        The trained starts.
    n_starts_kept_ : int
        Number of starts that are averaged; 0 for a linear fit.

    Notes
    -----
    The transition is Gaussian with the moments of the diffusion over the step,

    ``m' = E b(X)``, ``P' = E [b(X) (X - m)'] + its transpose + E a(X)``, X ~ N(m, P),

    by the spherical cubature rule and Runge-Kutta steps, so that neither estimate has the
    bias that Euler's step leaves: with one relaxation rate k, 1 - k dt / 2 of the drift and
    as much of the covariance rate. States are standardised; in scaled units the drift is
    ``c + A z + V tanh(W z + w)`` and the factor of the covariance rate
    ``diag(exp(s + 5 tanh(g(z) / 5))) (I + lower + h(z))`` with networks g, h.

    Training minimises the quasi-likelihood plus ridge by Levenberg-Marquardt steps on the
    whitened residuals u = L^-1 (x' - m) and (u u' - I) / sqrt(2), P = L L', with exact
    derivatives of the moments and the Fisher information of a subsample. The ridge of each
    layer is MacKay's gamma / w'w, at least .001. Each start grows on its own four fifths of the
    data: linear model, drift network, covariance network; networks that gain on the held-out
    rest (one-sided t test at 5 %, clustered by trajectory), each beside the other, stay, and
    each start is trained anew with all transitions. Starts whose log evidence is less than the
    best by a quarter of the effective number of parameters are left out.

    With fewer than ``max(100, 10 (p + d))`` weighted transitions, for p inputs and d
    coordinates, the fit is linear, with a `SampleSizeWarning`.

    References
    ----------
    MacKay, D. J. C. (1992), A practical Bayesian framework for backpropagation networks,
    Neural Computation 4, 448-472.
    Sarkka, S. and Sarmavuori, J. (2013), Gaussian filtering and smoothing for
    continuous-discrete dynamic systems, Signal Processing 93, 500-510.
    Dietrich, F. et al. (2023), Learning effective stochastic differential equations, Chaos 33.

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
        hidden: tuple[int, ...] = (24,),
        diffusion_hidden: tuple[int, ...] = (12,),
        diffusion: str = "auto",
        *,
        time: str | None = None,
        covariates: tuple[str, ...] = (),
        group_effects: tuple[str, ...] = (),
        linear_skip: bool = True,
        n_starts: int = 5,
        ridge: float | str = "evidence",
        transition: str = "auto",
        substeps: int | str = "auto",
        optimizer: str = "auto",
        obs_noise: Any = None,
        cov_type: str | None = "ensemble",
        validation_fraction: float = 0.2,
        max_iter: int = 60,
        batch_size: int | None = None,
        drift_module: Any = None,
        diffusion_module: Any = None,
        extrapolation: str = "linear",
        device: str = "auto",
        checkpoint: Any = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.hidden = hidden
        self.diffusion_hidden = diffusion_hidden
        self.diffusion = diffusion
        self.time = time
        self.covariates = covariates
        self.group_effects = group_effects
        self.linear_skip = linear_skip
        self.n_starts = n_starts
        self.ridge = ridge
        self.transition = transition
        self.substeps = substeps
        self.optimizer = optimizer
        self.obs_noise = obs_noise
        self.cov_type = cov_type
        self.validation_fraction = validation_fraction
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.drift_module = drift_module
        self.diffusion_module = diffusion_module
        self.extrapolation = extrapolation
        self.device = device
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    def _clock(self) -> str:
        return "relative" if self.time == "relative" else "time"

    def _fit_sample(self, sample: TransitionSample) -> Fit:
        if self.drift_module is not None or self.diffusion_module is not None:
            return self._fit_modules(sample)
        coding = coding_of(sample.panel, self.covariates, self.group_effects)
        settings = settings_of(self, sample, coding)
        asked = asked_noise(self.obs_noise, sample, self.time is not None, coding is not None)
        learned, remark, hidden = self._learn(sample, settings, asked, coding)
        notes = noise_notes(self.obs_noise, asked, hidden)
        return self._reported(sample, learned, settings, coding, remark, hidden, notes)

    def _reported(
        self, sample: TransitionSample, learned: EnsembleFit, settings: Settings,
        coding: CovariateCoding | None, remark: str = "", hidden: NoiseFit | None = None,
        notes: Sequence[str] = (),
    ) -> Fit:  # fmt: skip
        """Return process and results of an ensemble, and describe it."""
        process = self._process(sample, learned, settings, coding)
        used = sample.subset(sample.weight > 0) if hidden is None else hidden.sample
        errors = self._errors(used, process, learned, settings, remark, hidden)
        said = ([remark] if remark else []) + notes_of(learned, settings)
        said += [] if coding is None else [coding.said()]
        fit = results_of(
            sample, process, self._density(settings), learned, errors, (*said, *notes),
            Refitting.of(self, sample.panel, sample.weight),
            None if hidden is None else hidden.variance,
        )  # fmt: skip
        self._describe(learned)
        return fit

    def _fit_stream(self, stream: TransitionStream) -> None:
        found = surveyed(self, stream)
        weight = np.full(found.sample.n_trajectories, found.share)
        SDEEstimator.fit(self, found.sample, sample_weight=weight)
        if found.share > 1.0:
            fit = finish_on_stream(self, stream, found)
            self.process_, self.results_ = fit.process, fit.results

    def _fit_modules(self, sample: TransitionSample) -> Fit:
        found = fit_modules(sample, options_of(self))
        self.modules_ = [(model.drift_module, model.diffusion_module) for model in found.models]
        self.drift_ = "network" if self.drift_module is None else "module"
        self.covariance_ = "constant" if self.modules_[0][1] is None else "module"
        return found.fit

    def _learn(
        self, sample: TransitionSample, settings: Settings, noise: NoiseSettings | None,
        coding: CovariateCoding | None,
    ) -> tuple[EnsembleFit, str, NoiseFit | None]:  # fmt: skip
        """Return the ensemble, why it is linear if data are too few, and states behind noise."""
        used = sample.subset(sample.weight > 0)
        extra = None if coding is None else rows_of(coding, sample.panel)[used.trajectory]
        data, scaling = scale_transitions(used, with_clock=self.time is not None, extra=extra)
        check_noise(linear_model(data, diagonal=settings.form == "diagonal"), data)
        remark = too_few(data, used.n_effective)
        if remark:
            warnings.warn(remark, SampleSizeWarning, stacklevel=4)
            return linear_ensemble(data, scaling, settings), remark, None
        hidden = None
        if noise is None:
            kept = checkpoint_of(self.checkpoint, self.random_state, settings, data)
            learned = fit_ensemble(used, data, scaling, replace(settings, checkpoint=kept))
            if kept is not None:
                kept.remove()
        else:
            found = learn_behind_noise(sample, noise, settings, with_clock=self.time is not None)
            learned, hidden = found.learned, found.noise
        if not learned.converged:
            warnings.warn(
                f"Training of NeuralSDE reached max_iter={self.max_iter} before a stopping rule "
                "held; raise max_iter to be sure.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return learned, "", hidden

    def _process(
        self, sample: TransitionSample, learned: EnsembleFit, settings: Settings,
        coding: CovariateCoding | None,
    ) -> Process:  # fmt: skip
        form = learned.architecture.form
        if coding is not None:
            return self._conditioned(sample, learned, settings, coding)
        inside = NetworkProcess(process_arrays(learned), form=form, clock=self._clock())
        if not learned.blocks or self.extrapolation == "network":
            return inside
        line = linear_ensemble(learned.data, learned.scaling, settings)
        outside = NetworkProcess(
            process_arrays(line), form=line.architecture.form, clock=self._clock()
        )
        support = Support.from_states(sample.panel.values)
        return ExtrapolatedProcess(inside, outside, support)

    def _conditioned(
        self, sample: TransitionSample, learned: EnsembleFit, settings: Settings,
        coding: CovariateCoding,
    ) -> Process:  # fmt: skip
        form, outside, support = learned.architecture.form, None, None
        if learned.blocks and self.extrapolation == "linear":
            outside = process_arrays(linear_ensemble(learned.data, learned.scaling, settings))
            support = Support.from_states(sample.panel.values)
        return CovariateNetwork(
            process_arrays(learned), coding, form=form, clock=self._clock(), outside=outside,
            support=support,
        )  # fmt: skip

    def _density(self, settings: Settings) -> TransitionDensity:
        if settings.transition == "euler" and settings.substeps in (None, 1):
            return transition_density("euler")
        if self.transition == "mixture":
            return transition_density("simulated", n_paths=SEVERAL_LAWS)
        return transition_density("cubature")

    def _errors(
        self, sample: TransitionSample, process: Process, learned: EnsembleFit,
        settings: Settings, remark: str, noise: NoiseFit | None,
    ) -> CurveErrors:  # fmt: skip
        if self.cov_type is None or remark:
            return NoErrors(process, remark.rstrip(".") or NO_BANDS)
        if self.cov_type == "bootstrap":
            return refitted_errors(process, sample, learned, settings)
        return ensemble_errors(
            process, learned.engine, learned.averaged(), sample, method=self.cov_type,
            noise=noise,
        )  # fmt: skip

    def _describe(self, learned: EnsembleFit) -> None:
        self.drift_ = "network" if "drift" in learned.blocks else "linear"
        self.covariance_ = "network" if "covariance" in learned.blocks else "constant"
        self.gains_ = gains_frame(learned)
        self.history_ = history_frame(learned)
        self.ensemble_ = learned
        self.n_starts_kept_ = int(learned.kept.sum()) if learned.blocks else 0
