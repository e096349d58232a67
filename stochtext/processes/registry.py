"""The processes that can be stored and restored, by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from stochtext._shared.exceptions import ModelFileError
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process

__all__ = ["PROCESS_TYPES", "process_from_dict"]

#: Name of a process type -> ``module:Class``, imported when needed.
PROCESS_TYPES: dict[str, str] = {
    "ornstein_uhlenbeck": "stochtext.processes.linear.ornstein_uhlenbeck:OrnsteinUhlenbeck",
    "trending_ornstein_uhlenbeck": (
        "stochtext.processes.linear.trending_ornstein_uhlenbeck:TrendingOrnsteinUhlenbeck"
    ),
    "spline_ornstein_uhlenbeck": (
        "stochtext.processes.linear.spline_ornstein_uhlenbeck:SplineOrnsteinUhlenbeck"
    ),
    "double_well": "stochtext.processes.named.double_well:DoubleWell",
    "brownian_motion": "stochtext.processes.named.brownian_motion:BrownianMotion",
    "geometric_brownian_motion": (
        "stochtext.processes.named.geometric_brownian_motion:GeometricBrownianMotion"
    ),
    "duffing": "stochtext.processes.named.duffing:Duffing",
    "forced_duffing": "stochtext.processes.named.duffing:ForcedDuffing",
    "van_der_pol": "stochtext.processes.named.van_der_pol:VanDerPol",
    "fitzhugh_nagumo": "stochtext.processes.named.fitzhugh_nagumo:FitzHughNagumo",
    "lorenz63": "stochtext.processes.named.lorenz63:Lorenz63",
    "lotka_volterra": "stochtext.processes.named.lotka_volterra:LotkaVolterra",
    "heston": "stochtext.processes.named.heston:Heston",
    "stochastic_sir": "stochtext.processes.named.epidemic:StochasticSIR",
    "brusselator": "stochtext.processes.named.brusselator:Brusselator",
    "ait_sahalia": "stochtext.processes.named.nonlinear_rate:AitSahalia",
    "cev": "stochtext.processes.named.cev:CEV",
    "ckls": "stochtext.processes.named.ckls:CKLS",
    "cox_ingersoll_ross": "stochtext.processes.named.cox_ingersoll_ross:CoxIngersollRoss",
    "feller_diffusion": "stochtext.processes.named.cox_ingersoll_ross:FellerDiffusion",
    "general_hyperbolic": "stochtext.processes.named.hyperbolic:GeneralHyperbolic",
    "general_linear": "stochtext.processes.named.linear_noise:GeneralLinear",
    "ginzburg_landau": "stochtext.processes.named.logistic:GinzburgLandau",
    "gompertz": "stochtext.processes.named.gompertz:Gompertz",
    "hyperbolic": "stochtext.processes.named.hyperbolic:Hyperbolic",
    "inhomogeneous_geometric_brownian_motion": (
        "stochtext.processes.named.linear_noise:InhomogeneousGeometricBrownianMotion"
    ),
    "inverse_feller": "stochtext.processes.named.three_halves:InverseFeller",
    "jacobi": "stochtext.processes.named.jacobi:Jacobi",
    "kessler_sorensen": "stochtext.processes.named.jacobi:KesslerSorensen",
    "logistic": "stochtext.processes.named.logistic:Logistic",
    "modified_cox_ingersoll_ross": "stochtext.processes.named.pearson:ModifiedCoxIngersollRoss",
    "nonlinear_sde": "stochtext.processes.named.nonlinear_rate:NonlinearSDE",
    "pearl_verhulst": "stochtext.processes.named.logistic:PearlVerhulst",
    "pearson": "stochtext.processes.named.pearson:Pearson",
    "jump_diffusion": "stochtext.processes.jumps.jump_diffusion:JumpDiffusion",
    "polynomial": "stochtext.processes.named.polynomial:PolynomialDiffusion",
    "radial_ornstein_uhlenbeck": (
        "stochtext.processes.named.radial_ornstein_uhlenbeck:RadialOrnsteinUhlenbeck"
    ),
    "three_halves": "stochtext.processes.named.three_halves:ThreeHalves",
    "extrapolated": "stochtext.processes.fitted.extrapolated:ExtrapolatedProcess",
    "network": "stochtext.processes.fitted.networks.network:NetworkProcess",
    "covariate_network": "stochtext.processes.fitted.networks.covariate_network:CovariateNetwork",
    "kernel": "stochtext.processes.fitted.smoothing.smoothed:KernelProcess",
    "binned": "stochtext.processes.fitted.bins.binned:BinnedProcess",
    "gaussian_process": ("stochtext.processes.fitted.gaussian_process:GaussianProcessDiffusion"),
}


def process_from_dict(config: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> Process:
    """Restore a process from the result of its ``to_dict``.

    Parameters
    ----------
    config : mapping
        JSON-able description; ``config["type"]`` names the process type.
    arrays : mapping of str to ndarray
        The arrays that belong to it.

    Returns
    -------
    Process

    Raises
    ------
    ModelFileError
        If the type is unknown or the description is incomplete.

    Examples
    --------
    >>> from stochtext.processes import OrnsteinUhlenbeck, process_from_dict
    >>> process_from_dict(*OrnsteinUhlenbeck(kappa=1.0, mu=0.5, sigma=0.6).to_dict())
    OrnsteinUhlenbeck(kappa=1, mu=0.5, sigma=0.6)
    """
    name = config.get("type")
    if name not in PROCESS_TYPES:
        raise ModelFileError(
            f"The stored process has the unknown type {name!r}; this version of stochtext knows "
            f"{', '.join(PROCESS_TYPES)}."
        )
    module, _, class_name = PROCESS_TYPES[name].partition(":")
    kind: type[Process] = getattr(import_module(module), class_name)
    try:
        return kind.from_dict(config, arrays)
    except (KeyError, TypeError) as error:
        raise ModelFileError(
            f"The stored process of type {name!r} is incomplete or damaged: {error!r}."
        ) from error
