"""What the parameters of NeuralSDE ask of the training, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import seed_sequence
from stochtext._shared.validation import (
    check_choice,
    check_fraction,
    check_integer,
    check_positive,
)
from stochtext.estimators.coarseness import outlasts_memory
from stochtext.estimators.neural.settings import Settings
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.fitted.networks.covariate_coding import CovariateCoding

__all__ = ["check_options", "settings_of"]

DIFFUSIONS = ("auto", "full", "constant-correlation", "diagonal", "constant")
EXTRAPOLATIONS = ("linear", "network")
TRANSITIONS = ("auto", "cubature", "rk4", "euler", "mixture")
OPTIMIZERS = ("auto", "lm", "lbfgs", "adam")
COV_TYPES = ("ensemble", "laplace", "bootstrap")
LARGEST_FULL_DIM = 4


def check_options(estimator: Any) -> None:
    """Refuse parameters that mean nothing.

    Raises
    ------
    InputError
    """
    e = estimator
    check_choice("diffusion", e.diffusion, DIFFUSIONS)
    check_choice("extrapolation", e.extrapolation, EXTRAPOLATIONS)
    check_choice("transition", e.transition, TRANSITIONS)
    check_choice("optimizer", e.optimizer, OPTIMIZERS)
    if e.time is not None:
        check_choice("time", e.time, ("time", "relative"))
    if e.cov_type is not None:
        check_choice("cov_type", e.cov_type, COV_TYPES)
    if isinstance(e.ridge, str):
        check_choice("ridge", e.ridge, ("evidence", "cv"))
    if e.batch_size is not None:
        check_integer("batch_size", e.batch_size)


def settings_of(
    estimator: Any, sample: TransitionSample, coding: CovariateCoding | None = None
) -> Settings:
    """Return the settings of training on a sample, and covariates if there are any."""
    e, dim = estimator, sample.dim
    check_options(e)
    if coding is not None:
        _check_covariates(e)
    form = e.diffusion
    if form == "auto":
        form = "full" if dim <= LARGEST_FULL_DIM else "constant-correlation"
    coarse = e.transition == "auto" and e.substeps == "auto" and outlasts_memory(sample)
    fixed = None if isinstance(e.ridge, str) else check_positive("ridge", e.ridge, zero=True)
    return Settings(
        hidden=_widths("hidden", e.hidden),
        diffusion_hidden=_widths("diffusion_hidden", e.diffusion_hidden),
        form=form,
        linear_skip=bool(e.linear_skip),
        n_starts=check_integer("n_starts", e.n_starts),
        ridge=fixed,
        evidence=e.ridge == "evidence",
        cross_validated=e.ridge == "cv",
        validation_fraction=_share(e.validation_fraction),
        max_iter=check_integer("max_iter", e.max_iter),
        transition="euler" if coarse or e.transition == "euler" else "cubature",
        substeps=None if e.substeps == "auto" else check_integer("substeps", e.substeps),
        optimizer=e.optimizer,
        seed=seed_sequence(e.random_state),
        show=True if e.verbose else None,
        n_linear=0 if coding is None else coding.n_linear,
        coarse=coarse,
    )


def _check_covariates(estimator: Any) -> None:
    """Refuse what covariates and groups cannot be combined with."""
    refused = {
        "obs_noise": estimator.obs_noise is not None,
        "cov_type='bootstrap'": estimator.cov_type == "bootstrap",
        "linear_skip=False": len(estimator.group_effects) and not estimator.linear_skip,
    }
    for name, given in refused.items():
        if given:
            raise InputError(
                f"`covariates` and `group_effects` of NeuralSDE cannot be combined with {name}."
            )


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
