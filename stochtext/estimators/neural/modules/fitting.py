"""From transitions to a process of trained modules and its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator, seed_sequence
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_fraction, check_integer, check_positive
from stochtext.estimators.base import Fit
from stochtext.estimators.neural.modules.process import ModuleProcess
from stochtext.estimators.neural.modules.training import (
    ModuleData,
    ModuleSettings,
    ModuleTraining,
    losses_of,
    train_modules,
)
from stochtext.estimators.neural.modules.user_modules import (
    ModuleModel,
    check_module,
    default_module,
    jittered,
)
from stochtext.estimators.neural.networks.preparation import (
    LinearModel,
    Scaling,
    linear_model,
    scale_transitions,
)
from stochtext.estimators.neural.selection.splitting import HeldOut, hold_out
from stochtext.estimators.neural.training.checkpointing import Checkpoint, fingerprint
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.base import Process
from stochtext.processes.fitted.extrapolated import ExtrapolatedProcess
from stochtext.processes.support import Support
from stochtext.results.functional import FunctionalResults
from stochtext.results.inference.curves.curve_errors import NoErrors
from stochtext.results.record import FitRecord
from stochtext.results.residuals import residuals_of
from stochtext.transitions.registry import transition_density

__all__ = ["ModuleFit", "ModuleOptions", "fit_modules", "options_of", "resolved_device"]

NO_ERRORS = (
    "no standard errors are offered for modules of the user, whose coverage nobody has measured; "
    "refit with results_.bootstrap to see how the curves vary"
)
LEARNING_RATE = 0.02
DEFAULT_RIDGE = 0.1
_LONGEST_STEP = 0.3


@dataclass(frozen=True)
class ModuleOptions:
    """What the estimator says about a fit of modules.

    Attributes
    ----------
    drift_module, diffusion_module : torch.nn.Module or None
    hidden, diffusion_hidden : tuple of int
        Of the networks that stand in for a missing module.
    constant : bool
        Whether a missing diffusion module means a constant covariance rate.
    time : {None, "time", "relative"}
    n_starts, max_iter : int
    batch_size : int
        0 for a sixteenth of the transitions, from 64 to 1024.
    n_substeps : int or None
        None chooses it from the linear fit.
    euler : bool
    ridge, learning_rate, validation_fraction : float
    extrapolate : bool
        Whether the linear fit continues the modules outside the support.
    polish : bool
        Whether L-BFGS follows Adam.
    device : str
    checkpoint : str, Path or None
    seed : SeedSequence
    """

    drift_module: Any
    diffusion_module: Any
    hidden: tuple[int, ...]
    diffusion_hidden: tuple[int, ...]
    constant: bool
    time: str | None
    n_starts: int
    max_iter: int
    batch_size: int
    n_substeps: int | None
    euler: bool
    ridge: float
    learning_rate: float
    validation_fraction: float
    extrapolate: bool
    polish: bool
    device: str
    checkpoint: Any
    seed: np.random.SeedSequence


@dataclass(frozen=True)
class ModuleFit:
    """The fit, the trained models, and the trainings."""

    fit: Fit
    models: list[ModuleModel]
    trainings: list[ModuleTraining]


def options_of(estimator: Any) -> ModuleOptions:
    """Return the options that the parameters of a NeuralSDE say, checked."""
    e = estimator
    for name in ("covariates", "group_effects"):
        if len(getattr(e, name)):
            raise InputError(f"`{name}` cannot be combined with modules of the user.")
    if e.obs_noise is not None:
        raise InputError("`obs_noise` cannot be combined with modules of the user.")
    if e.checkpoint is not None and e.random_state is None:
        raise InputError("`checkpoint` needs a `random_state`, or nothing could be resumed.")
    given = e.batch_size is not None
    return ModuleOptions(
        drift_module=e.drift_module, diffusion_module=e.diffusion_module,
        hidden=_widths(e.hidden), diffusion_hidden=_widths(e.diffusion_hidden),
        constant=e.diffusion == "constant", time=e.time,
        n_starts=check_integer("n_starts", e.n_starts),
        max_iter=check_integer("max_iter", e.max_iter),
        batch_size=check_integer("batch_size", e.batch_size) if given else 0,
        n_substeps=None if e.substeps == "auto" else check_integer("substeps", e.substeps),
        euler=e.transition == "euler",
        ridge=DEFAULT_RIDGE if isinstance(e.ridge, str) else check_positive("ridge", e.ridge),
        learning_rate=LEARNING_RATE,
        validation_fraction=check_fraction("validation_fraction", e.validation_fraction),
        extrapolate=e.extrapolation == "linear",
        polish=e.optimizer != "adam" and not given,
        device=resolved_device(e.device), checkpoint=e.checkpoint,
        seed=seed_sequence(e.random_state),
    )  # fmt: skip


def _widths(hidden: Any) -> tuple[int, ...]:
    widths = (hidden,) if isinstance(hidden, int | np.integer) else tuple(hidden)
    return tuple(check_integer("hidden", width) for width in widths)


def resolved_device(name: str) -> str:
    """Return the torch device to train on: ``"auto"`` is CUDA where there is one.

    Raises
    ------
    InputError
        If it cannot hold double precision.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, dtype=torch.float64, device=name)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise InputError(f"`device`={name!r} cannot be used for float64 here: {error}") from None
    return name


def fit_modules(sample: TransitionSample, options: ModuleOptions) -> ModuleFit:
    """Train the modules from ``n_starts`` starts and average them.

    The first start has the weights that the modules came with; the others have weights drawn
    with the same mean and spread, tensor by tensor.
    """
    used = sample.subset(sample.weight > 0)
    scaled, scaling = scale_transitions(used, with_clock=options.time is not None)
    linear = linear_model(scaled)
    split = hold_out(
        used, fraction=options.validation_fraction, n_starts=options.n_starts,
        random_state=options.seed,
    )  # fmt: skip
    data = _standardised(used, scaling)
    settings = _settings(options, linear, scaling, used)
    checkpoint = _checkpoint(options, settings, used)
    models, trainings = [], []
    for k in range(options.n_starts):
        model = _start(options, linear, scaling, k)
        parts = (split.train[k], split.test[k])
        trainings.append(train_modules(model, data, *parts, settings, checkpoint, f"start {k}"))
        models.append(model)
    gain = _gain(models[0], data, split, settings, linear, scaling)
    models = [_on_cpu(model) for model in models]
    fit = _report(sample, models, scaling, linear, options, settings, [*gain], trainings)
    checkpoint.remove()
    return ModuleFit(fit, models, trainings)


def _start(options: ModuleOptions, linear: LinearModel, scaling: Scaling, k: int) -> ModuleModel:
    d, p = len(scaling.drift_unit), len(scaling.centre)
    rng = generator(options.seed, "modules", k)
    made = []
    for name, hidden in (
        ("drift_module", options.hidden),
        ("diffusion_module", options.diffusion_hidden),
    ):
        module = getattr(options, name)
        if module is None:
            width = d if name == "drift_module" else d + d * (d - 1) // 2
            none = name == "diffusion_module" and options.constant
            made.append(None if none else default_module(p, hidden, width, rng))
        else:
            check_module(name, module, d, options.time is not None)
            made.append(module if k == 0 else jittered(module, rng))
    return ModuleModel.build(linear, scaling, made[0], made[1], options.device)


def _settings(
    options: ModuleOptions, linear: LinearModel, scaling: Scaling, sample: TransitionSample
) -> ModuleSettings:
    d = len(scaling.drift_unit)
    slope = linear.slope[:d] * (scaling.drift_unit / scaling.spread[:d])
    # the drift of a module is steeper in places than the line through it
    stiffness = 2.0 * float(np.linalg.norm(slope, 2)) * float(sample.dt.max())
    count = options.n_substeps or int(np.clip(np.ceil(stiffness / _LONGEST_STEP), 1, 8))
    size = options.batch_size or int(np.clip(sample.n // 16, 64, 1024))
    return ModuleSettings(
        options.max_iter, size, options.learning_rate, options.ridge, count,
        options.euler, options.polish, options.device, options.seed,
    )  # fmt: skip


def _standardised(sample: TransitionSample, scaling: Scaling) -> ModuleData:
    d = sample.dim
    z, z_next = ((x - scaling.centre[:d]) / scaling.spread[:d] for x in (sample.x, sample.x_next))
    return ModuleData(z, z_next, sample.t, sample.dt, sample.clock_dt, sample.weight)


def _checkpoint(
    options: ModuleOptions, settings: ModuleSettings, sample: TransitionSample
) -> Checkpoint:
    if options.checkpoint is None:
        return Checkpoint(None, "")
    given = [m for m in (options.drift_module, options.diffusion_module) if m is not None]
    weights = [p.detach().cpu().numpy() for m in given for p in m.parameters()]
    facts = (
        options.hidden, options.diffusion_hidden, options.constant, options.time, options.n_starts,
        settings.max_iter, settings.batch_size, settings.learning_rate, settings.ridge,
        settings.n_substeps, settings.euler, settings.polish, options.seed.entropy,
        options.validation_fraction, *map(repr, given),
    )  # fmt: skip
    arrays = (sample.x, sample.x_next, sample.t, sample.dt, sample.weight, *weights)
    return Checkpoint(options.checkpoint, fingerprint(*facts, *arrays))


def _gain(
    model: ModuleModel,
    data: ModuleData,
    split: HeldOut,
    settings: ModuleSettings,
    linear: LinearModel,
    scaling: Scaling,
) -> tuple[float, float]:
    """Return the held-out gain over the linear model and its standard error by unit."""
    rows = np.flatnonzero(split.test[0])
    line = ModuleModel.build(linear, scaling, None, None, settings.device)
    values = losses_of(line, data, rows, settings) - losses_of(model, data, rows, settings)
    weight = np.asarray(data.weight)[rows]
    mean = float(weight @ values / weight.sum())
    sums = np.bincount(split.unit[rows], weight * (values - mean))
    return mean, float(np.sqrt((sums**2).sum()) / weight.sum())


def _on_cpu(model: ModuleModel) -> ModuleModel:
    for module in model.modules():
        module.to("cpu").requires_grad_(False).eval()
    linear = {name: tensor.detach().cpu() for name, tensor in model.linear.items()}
    units = {k: None if v is None else v.cpu() for k, v in model.units.items()}
    return ModuleModel(model.drift_module, model.diffusion_module, linear, units)


def _report(
    sample: TransitionSample,
    models: list[ModuleModel],
    scaling: Scaling,
    linear: LinearModel,
    options: ModuleOptions,
    settings: ModuleSettings,
    gain: list[float],
    trainings: list[ModuleTraining],
) -> Fit:
    clock = "relative" if options.time == "relative" else "time"
    support = Support.from_states(sample.panel.values)
    process: Process = ModuleProcess(models, scaling, clock)
    if options.extrapolate:
        line = ModuleModel.build(linear, scaling, None, None, "cpu")
        process = ExtrapolatedProcess(
            process, ModuleProcess([_on_cpu(line)], scaling, clock), support
        )
    name = "euler" if options.euler and settings.n_substeps == 1 else "cubature"
    density = transition_density(name)
    steps = (process, sample.x, sample.x_next, sample.t, sample.dt)
    log_density: FloatArray = density.log_density(*steps, clock_dt=sample.clock_dt)
    record = FitRecord.of_panel(
        sample.panel, model="NeuralSDE", density=name, llf=float(sample.weight @ log_density),
        clock=sample.clock, converged=all(t.settled for t in trainings), df_model=float("nan"),
        details=(("Networks", "modules of the user"), ("Starts averaged", options.n_starts)),
        notes=(_said(gain),), nobs=round(sample.n_effective),
    )  # fmt: skip
    residuals = residuals_of(sample.panel, process, density, sample.clock)
    errors = NoErrors(process, NO_ERRORS)
    results = FunctionalResults(record, process, density, support, residuals, errors)
    return Fit(process, density, results)


def _said(gain: list[float]) -> str:
    mean, se = gain
    verdict = "" if mean > 1.645 * se else " The linear model is not worse: use LinearSDE."
    return (
        f"Held-out gain of the modules over the linear model: {mean:.4g} nats per transition "
        f"(standard error {se:.2g}).{verdict}"
    )
