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
    "double_well": "stochtext.processes.double_well:DoubleWell",
    "extrapolated": "stochtext.processes.fitted.extrapolated:ExtrapolatedProcess",
    "network": "stochtext.processes.fitted.network:NetworkProcess",
    "kernel": "stochtext.processes.fitted.smoothed:KernelProcess",
    "binned": "stochtext.processes.fitted.binned:BinnedProcess",
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
