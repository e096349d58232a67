"""Samples at several horizons, with the fitted coefficients and with drawn ones.

Law of this file: both kinds of samples are driven by the same normals, draw by draw, so that
the spread of a conditional mean over drawn coefficients is not hidden by the noise of sampling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.exceptions import ResourceLimitError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.processes.base import Process
from stochtext.results.inference.forecasting.laws import StepLaw
from stochtext.results.inference.forecasting.origins import Origins

__all__ = ["Samples", "check_size", "sample_forecasts"]

_NORMALS_AT_ONCE = 2**22
_MOST_BYTES = 2**32


@dataclass(frozen=True)
class Samples:
    """Samples of the state at the horizons.

    Attributes
    ----------
    fitted : ndarray of shape (n, h, S, d)
        Of the fitted process.
    drawn : ndarray of shape (n, h, S, d) or None
        Sample s is of the process of draw ``owner[s]``, by the same normals.
    owner : ndarray of int of shape (S,) or None
    mean : ndarray of shape (n, h, d)
        Conditional mean of the fitted process.
    mean_simulation_se : ndarray of shape (n, h, d)
        Monte Carlo error of the mean; zero where it is exact.
    """

    fitted: FloatArray
    drawn: FloatArray | None
    owner: IntArray | None
    mean: FloatArray
    mean_simulation_se: FloatArray


def check_size(n: int, horizons: int, samples: int, dim: int) -> None:
    """Refuse more samples than fit into memory."""
    size = 16 * n * horizons * samples * dim
    if size > _MOST_BYTES:
        raise ResourceLimitError(
            f"{n} states x {horizons} horizons x {samples} samples x {dim} coordinates take "
            f"{size / 2**30:.1f} GiB; use fewer samples or states."
        )


def sample_forecasts(
    law: StepLaw,
    process: Process,
    draws: tuple[Process, ...],
    origins: Origins,
    horizons: tuple[int, ...],
    n_samples: int,
    seed: np.random.SeedSequence,
) -> Samples:
    """Return samples from all origins.

    Parameters
    ----------
    law : StepLaw
    process : Process
        The fitted one.
    draws : tuple of Process
        Drawn around it; each gets an equal share of the samples.
    origins : Origins
    horizons : tuple of int
    n_samples : int
    seed : SeedSequence
    """
    n, d = origins.x.shape
    shape = (n, len(horizons), n_samples, d)
    fitted = np.full(shape, np.nan)
    drawn = np.full(shape, np.nan) if draws else None
    mean, error = (np.full((n, len(horizons), d), np.nan) for _ in range(2))
    owner = _owners(len(draws), n_samples) if draws else None
    rows = max(1, _NORMALS_AT_ONCE // (n_samples * law.width(process)))
    for begin in range(0, n, rows):
        part = slice(begin, begin + rows)
        run = _Run(law, origins, part, horizons, n_samples, (seed, begin))
        fitted[part], mean[part], error[part] = run.fitted(process)
        if drawn is not None and owner is not None:
            drawn[part] = run.drawn(draws, owner)
    return Samples(fitted, drawn, owner, mean, error)


def _owners(n_draws: int, n_samples: int) -> IntArray:
    """Return which draw each sample belongs to, in equal shares."""
    return np.arange(n_samples, dtype=np.int64) * n_draws // n_samples


class _Run:
    """All steps from some of the origins."""

    def __init__(
        self, law: StepLaw, origins: Origins, part: slice, horizons: tuple[int, ...],
        n_samples: int, address: tuple[np.random.SeedSequence, int],
    ) -> None:  # fmt: skip
        self._law, self._horizons, self._samples = law, horizons, n_samples
        self._x, self._t = origins.x[part], origins.t[part]
        self._dt, self._pace = origins.dt[part], origins.clock_dt[part]
        self._address = address
        self._noise_factor = origins.noise_factor
        self._starts = np.repeat(self._x[:, None], n_samples, axis=1)
        if origins.start_factor is not None:
            z = generator(address[0], "filtered state", address[1]).standard_normal(
                self._starts.shape
            )
            self._starts = self._starts + np.einsum("nij,nsj->nsi", origins.start_factor[part], z)

    def fitted(self, process: Process) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return samples, conditional mean and its simulation error of one process."""
        n, d = self._x.shape
        shape = (n, len(self._horizons), d)
        found = np.full((n, len(self._horizons), self._samples, d), np.nan)
        mean, error = np.full(shape, np.nan), np.full(shape, np.nan)
        x = self._starts
        t = self._t.copy()
        for k in range(self._horizons[-1]):
            known = self._known(k)
            place = self._horizons.index(k + 1) if k + 1 in self._horizons else None
            before = None
            if place is not None and known.size:
                before = self._conditional_means(process, x, t, k, known)
            x = self._advance(process, x, t, k, known, slice(0, self._samples))
            t = t + self._pace[:, k]
            if place is None or not known.size:
                continue
            found[:, place] = self._seen(x, k)
            values = x[known] if before is None else before
            mean[known, place] = values.mean(axis=1)
            spread = values.std(axis=1, ddof=1) / np.sqrt(self._samples)
            error[known, place] = np.where(np.ptp(values, axis=1) == 0.0, 0.0, spread)
        self._put_exact(process, mean, error)
        return found, mean, error

    def _put_exact(self, process: Process, mean: FloatArray, error: FloatArray) -> None:
        """Replace means by those of one long step where the law of such a step is exact."""
        if not self._law.is_exact or np.ptp(self._starts, axis=1).any():
            return
        for place, h in enumerate(self._horizons):
            dt, pace = self._dt[:, :h].sum(axis=1), self._pace[:, :h].sum(axis=1)
            known = np.flatnonzero(np.isfinite(dt))
            arguments = (self._x[known], self._t[known], dt[known], pace[known])
            values = self._law.mean(process, *arguments) if known.size else None
            if values is not None:
                mean[known, place], error[known, place] = values, 0.0

    def drawn(self, draws: tuple[Process, ...], owner: IntArray) -> FloatArray:
        """Return samples, each of the process that owns it."""
        n, d = self._x.shape
        found = np.full((n, len(self._horizons), self._samples, d), np.nan)
        x = self._starts
        t = self._t.copy()
        ends = np.searchsorted(owner, np.arange(len(draws) + 1))
        for k in range(self._horizons[-1]):
            known = self._known(k)
            moved = np.full_like(x, np.nan)
            normals = self._normals(draws[0], k)
            for process, low, high in zip(draws, ends[:-1], ends[1:], strict=True):
                own = slice(int(low), int(high))
                moved[:, own] = self._advance(process, x, t, k, known, own, normals)
            x, t = moved, t + self._pace[:, k]
            if k + 1 in self._horizons:
                found[:, self._horizons.index(k + 1)] = self._seen(x, k)
        return found

    def _known(self, k: int) -> IntArray:
        """Return the origins that have a step k."""
        return np.flatnonzero(np.isfinite(self._dt[:, k])).astype(np.int64)

    def _seen(self, x: FloatArray, k: int) -> FloatArray:
        """Return states as they are observed."""
        if self._noise_factor is None:
            return x
        rng = generator(self._address[0], "observation noise", self._address[1], k)
        return np.asarray(x + rng.standard_normal(x.shape) @ self._noise_factor.T)

    def _normals(self, process: Process, k: int) -> FloatArray:
        rng = generator(self._address[0], "forecast", self._address[1], k)
        return rng.standard_normal((len(self._x), self._samples, self._law.width(process)))

    def _advance(
        self, process: Process, x: FloatArray, t: FloatArray, k: int, known: IntArray,
        own: slice, normals: FloatArray | None = None,
    ) -> FloatArray:  # fmt: skip
        """Return the states of some samples after step k, NaN where there is no such step."""
        if normals is None:
            normals = self._normals(process, k)
        states = x[known, own]
        flat, arguments = self._flat(states, t, k, known)
        z = normals[known, own].reshape(len(flat), -1)
        following = np.full((len(x), states.shape[1], x.shape[2]), np.nan)
        if len(flat):
            following[known] = _where_finite(self._law, process, flat, arguments, z).reshape(
                states.shape
            )
        return following

    def _conditional_means(
        self, process: Process, x: FloatArray, t: FloatArray, k: int, known: IntArray
    ) -> FloatArray | None:
        """Return E[X after step k | X before it] for every sample, where it is known."""
        flat, arguments = self._flat(x[known], t, k, known)
        finite = np.isfinite(flat).all(axis=1)
        values = self._law.mean(process, flat[finite], *(a[finite] for a in arguments))
        if values is None:
            return None
        every = np.full_like(flat, np.nan)
        every[finite] = values
        return every.reshape(x[known].shape)

    def _flat(
        self, states: FloatArray, t: FloatArray, k: int, known: IntArray
    ) -> tuple[FloatArray, tuple[FloatArray, FloatArray, FloatArray]]:
        each = states.shape[1]
        t_rows, dt, pace = (
            np.repeat(a[known], each) for a in (t, self._dt[:, k], self._pace[:, k])
        )
        return states.reshape(-1, states.shape[2]), (t_rows, dt, pace)


def _where_finite(
    law: StepLaw, process: Process, x: FloatArray,
    arguments: tuple[FloatArray, FloatArray, FloatArray], z: FloatArray,
) -> FloatArray:  # fmt: skip
    """Step the finite states; a path that left the floating-point range stays NaN."""
    finite = np.isfinite(x).all(axis=1)
    following = np.full_like(x, np.nan)
    if finite.any():
        t, dt, pace = (a[finite] for a in arguments)
        with np.errstate(all="ignore"):
            following[finite] = law.step(process, x[finite], t, dt, pace, z[finite])
    following[~np.isfinite(following).all(axis=1)] = np.nan
    return following
