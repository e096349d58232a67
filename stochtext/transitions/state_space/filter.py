"""The compiled Kalman filter: arrays in, means, innovations and adjoints out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.transitions.state_space.layout import Layout, Rows

__all__ = ["Adjoint", "Filtered", "Laws", "run_filter"]

_SOURCE = "stochtext.transitions.state_space.kalman"


@dataclass(frozen=True)
class Laws:
    """What moves and hides the state, D being its size with the trajectory's own mean.

    Attributes
    ----------
    phi, q : ndarray of shape (g, D, D)
    forcing : ndarray of shape (g, d, s)
        Weight of what drives each step.
    noise : ndarray of shape (d, d)
    first : ndarray of shape (D, D)
        Covariance of the first state.
    start : ndarray of shape (m, D)
        Its mean.
    drive : ndarray of shape (N, s)
        What drives the step into each row.
    flat, weighs_first : bool
    """

    phi: FloatArray
    q: FloatArray
    forcing: FloatArray
    noise: FloatArray
    first: FloatArray
    start: FloatArray
    drive: FloatArray
    flat: bool
    weighs_first: bool


@dataclass(frozen=True)
class Adjoint:
    """Gradients of the negative log likelihood in what ``Laws`` and the data hold.

    ``phi``, ``q``, ``forcing`` have one entry a slot, ``noise`` and ``first`` one an
    owner, ``start`` one a trajectory, ``y`` and ``drive`` one a row.
    """

    phi: FloatArray
    q: FloatArray
    forcing: FloatArray
    noise: FloatArray
    first: FloatArray
    start: FloatArray
    drive: FloatArray
    y: FloatArray


@dataclass(frozen=True)
class Filtered:
    """What a pass of the filter leaves behind.

    Attributes
    ----------
    before, after : ndarray of shape (N, D)
        Mean of the state before and after each observation.
    error, scaled : ndarray of shape (N, d)
        Innovations, and those standardised; 0 where a coordinate is missing.
    log_density : ndarray of shape (N,)
    p, f : ndarray of shape (n_nodes, D, D)
        Covariance of the state before and after the observation of each node.
    """

    laws: Laws
    layout: Layout
    rows: Rows
    before: FloatArray
    after: FloatArray
    error: FloatArray
    scaled: FloatArray
    log_density: FloatArray
    p: FloatArray
    f: FloatArray
    gain: FloatArray
    precision: FloatArray

    @property
    def log_likelihood(self) -> FloatArray:
        """Log likelihood of each trajectory, shape (m,)."""
        return np.add.reduceat(self.log_density, self.rows.first)

    def adjoint(self, weight: FloatArray) -> Adjoint:
        """Return the gradient of minus the weighted log likelihood."""
        laws, layout = self.laws, self.layout
        size, d = self.gain.shape[1:]
        n, slots, nodes, owners = len(self.error), len(layout.slots), len(self.p), layout.n_owners
        bar = Adjoint(
            np.zeros((slots, size, size)), np.zeros((slots, size, size)),
            np.zeros((slots, d, laws.forcing.shape[2])), np.zeros((owners, d, d)),
            np.zeros((owners, size, size)), np.zeros((len(weight), size)),
            np.zeros_like(laws.drive), np.zeros((n, d)),
        )  # fmt: skip
        s_bar, p_bar = np.zeros((nodes, d, d)), np.zeros((nodes, size, size))
        work = np.empty((size, size))
        _compiled("means_back")(
            laws.weighs_first, self.rows.offsets, weight, layout.node, layout.group, layout.slot,
            laws.phi, laws.forcing, laws.drive, self.gain, self.precision, self.after, self.error,
            bar.phi, bar.forcing, bar.drive, bar.start, bar.y, s_bar, p_bar, work,
            np.empty(size), np.empty(d), np.empty(d),
        )  # fmt: skip
        _compiled("covariances_back")(
            laws.flat, layout.parent, layout.group, layout.slot, layout.owner, laws.phi, self.f,
            self.gain, s_bar, p_bar, np.zeros_like(p_bar), bar.phi, bar.q, bar.noise, bar.first,
            work,
        )  # fmt: skip
        return bar


def run_filter(laws: Laws, layout: Layout, rows: Rows, y: FloatArray) -> Filtered | None:
    """Filter all rows; None where an innovation has no density.

    Parameters
    ----------
    laws : Laws
    layout : Layout
    rows : Rows
    y : ndarray of shape (N, d)
        Observations counted from the mean curve, NaN where missing.
    """
    n, d = y.shape
    size, nodes = laws.phi.shape[1], len(layout.parent)
    p, f = np.zeros((2, nodes, size, size))
    gain = np.zeros((nodes, size, d))
    precision, whitening = np.zeros((2, nodes, d, d))
    log_det = np.zeros(nodes)
    good = _compiled("covariances")(
        laws.flat, layout.parent, layout.group, layout.seen, laws.phi, laws.q, laws.noise,
        laws.first, p, f, gain, precision, whitening, log_det, np.empty((size, size)),
    )  # fmt: skip
    if not good:
        return None
    before, after = np.zeros((2, n, size))
    error, scaled = np.zeros((2, n, d))
    log_density = np.zeros(n)
    _compiled("means")(
        laws.weighs_first, rows.offsets, layout.node, layout.group, layout.seen, laws.phi,
        laws.forcing, laws.drive, laws.start, np.ascontiguousarray(y), gain, whitening, log_det,
        before, after, error, scaled, log_density,
    )  # fmt: skip
    return Filtered(
        laws, layout, rows, before, after, error, scaled, log_density, p, f, gain, precision
    )


@lru_cache(maxsize=8)
def _compiled(name: str) -> Any:
    from numba import types

    from stochtext._shared.compilation.generated import compiled_module, machine_function

    one, two, three = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]
    whole, seen, flag = types.int64[::1], types.uint8[:, ::1], types.boolean
    signatures = {
        "covariances": (flag, whole, whole, seen, three, three, two, two, *(three,) * 5, one, two),
        "means": (
            flag, whole, whole, whole, seen, three, three, two, two, two, three, three, one,
            *(two,) * 4, one,
        ),
        "means_back": (
            flag, whole, one, whole, whole, whole, three, three, two, three, three, two, two,
            three, three, two, two, two, three, three, two, one, one, one,
        ),
        "covariances_back": (flag, *(whole,) * 4, *(three,) * 10, two),
    }  # fmt: skip
    return machine_function(compiled_module("kalman", [_SOURCE]), name, signatures[name])
