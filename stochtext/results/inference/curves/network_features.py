"""Functions of the state in which errors of a network ensemble are written down.

Law of this file: plain NumPy on the arrays of a ``NetworkProcess``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.fitted.networks.network import NetworkProcess

__all__ = ["features_of", "network_features"]


def network_features(
    process: NetworkProcess, room: str, x: FloatArray, t: FloatArray
) -> FloatArray:
    """Return 1, the standardised inputs, and the last hidden units of every member.

    Parameters
    ----------
    process : NetworkProcess
    room : {"drift", "covariance"}
    x : ndarray of shape (n, d)
    t : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (n, F)
    """
    arrays = process.arrays
    inputs = x if process.autonomous else np.column_stack([x, t])
    return features_of(arrays, room, (inputs - arrays["centre"]) / arrays["spread"])


def features_of(arrays: Mapping[str, FloatArray], room: str, z: FloatArray) -> FloatArray:
    """Return 1, standardised inputs, and the last hidden units of every member.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Of the networks; a first layer may see fewer inputs than there are.
    room : {"drift", "covariance"}
    z : ndarray of shape (n, p)

    Returns
    -------
    ndarray of shape (n, F)
    """
    linear = [np.ones((len(z), 1)), z]
    depth = sum(1 for name in arrays if name.startswith(f"{room}.layer")) // 2
    if not depth:
        return np.hstack(linear)
    members, seen = arrays[f"{room}.layer0.weight"].shape[:2]
    hidden = np.broadcast_to(z[:, :seen], (members, len(z), seen))
    for k in range(depth):
        weight, bias = (arrays[f"{room}.layer{k}.{part}"] for part in ("weight", "bias"))
        hidden = np.tanh(hidden @ weight + bias)
    return np.hstack([*linear, *hidden])
