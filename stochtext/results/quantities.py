"""What every fit can be asked beyond its curves: forecasts and derived quantities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import as_states, check_choice

if TYPE_CHECKING:
    import pandas as pd

    from stochtext.results.inference.derived.table import DerivedTable
    from stochtext.results.inference.forecasting.forecasts import Prediction
    from stochtext.results.inference.refits.bootstrap import BootstrapResults

__all__ = ["DerivedQuantities"]


class DerivedQuantities:
    """Forecasts and quantities that follow from the fitted process, with intervals."""

    def get_prediction(
        self,
        X: Any,
        *,
        horizons: Any = (1,),
        dt: Any = None,
        t: Any = None,
        clock_dt: Any = None,
        origin: str = "last",
        n_samples: int = 1000,
        n_draws: int = 100,
        random_state: RandomState = None,
    ) -> Prediction:
        """Forecast the state several steps ahead.

        Parameters
        ----------
        X : array_like of shape (n, d), or panel
            States to start from, or trajectories (as in ``fit``, but a two-dimensional array
            holds states).
        horizons : sequence of int, default (1,)
            How many steps ahead, increasing.
        dt : float, optional
            Length of a step; default that of the fitted data. A panel has its own.
        t : float or array_like of shape (n,), optional
            Position of the states on the clock; default 0.
        clock_dt : float, optional
            One step on a relative clock.
        origin : {"last", "every"}, default "last"
            For a panel: start at the end of each trajectory, or at every state that has one
            after it, over the steps that were observed; what came is then known.
        n_samples : int, default 1000
            Samples from each state.
        n_draws : int, default 100
            Draws of the coefficients, each with an equal share of the samples; 0 leaves
            their uncertainty out.
        random_state : int, Generator, SeedSequence or None

        Returns
        -------
        Prediction
            With ``summary_frame(alpha)``, ``conf_int``, ``samples``, ``calibration`` ...

        Notes
        -----
        Intervals of the state are quantiles of samples. What is sampled is stated: the chain
        of the Gaussian one-step law where Euler's density weighed the data (its coefficients
        are those of one interval), else the process itself, exactly where it has an exact
        step and by Euler-Maruyama with ten substeps elsewhere. Coefficients are drawn from
        the normal law of the estimates, from the joint law of the errors of the curves, or
        from the members of an ensemble; where there is no such law ``mean_se`` is NaN and
        ``reason`` says why. How often the intervals hold the future state is measured in
        ``benchmarks/coverage/prediction.py``.

        References
        ----------
        Gneiting, T., Balabdaoui, F. and Raftery, A. E. (2007), Probabilistic forecasts,
        calibration and sharpness, JRSS B 69, 243-268.

        Examples
        --------
        >>> import stochtext as st
        >>> X = st.datasets.load_ornstein_uhlenbeck(random_state=0)
        >>> results = st.LinearSDE().fit(X).results_
        >>> forecast = results.get_prediction([[1.0]], horizons=(1, 5), random_state=0)
        >>> forecast.summary_frame().columns.tolist()[:3]
        ['mean', 'mean_se', 'mean_ci_lower']
        """
        from stochtext.results.inference.forecasting.forecasts import get_prediction

        return get_prediction(
            self, X, horizons=horizons, dt=dt, t=t, clock_dt=clock_dt, origin=origin,
            n_samples=n_samples, n_draws=n_draws, random_state=random_state,
        )  # fmt: skip

    def fixed_points(
        self,
        *,
        t: float = 0.0,
        alpha: float = 0.05,
        n_draws: int = 400,
        bootstrap: BootstrapResults | None = None,
        random_state: RandomState = 0,
    ) -> DerivedTable:
        """Return the zeros of the drift inside the support, with stability and intervals.

        Parameters
        ----------
        t : float, default 0.0
            Position on the clock at which the drift is frozen.
        alpha : float, default 0.05
            Intervals have level 1 - alpha.
        n_draws : int, default 400
            Draws of the process from the law of its estimate.
        bootstrap : BootstrapResults, optional
            What ``results.bootstrap()`` returned: its refits are used instead, and quantiles
            are reflected at the estimate.
        random_state : int, Generator, SeedSequence or None, default 0

        Returns
        -------
        DerivedTable
            ``to_frame()`` has one row per point and component: ``position, se, lower,
            upper``; ``stability`` from the eigenvalues of the drift's Jacobian;
            ``stable_share`` and ``share``, the shares of the draws in which the point is
            stable and in which it exists; ``rate``, the slowest rate of return to a stable
            point; ``reason`` where there is no interval.

        Notes
        -----
        Intervals are quantiles over draws of the fitted process (Krinsky and Robb 1986): of
        parameters from their normal law, of curves from the joint law of their errors around
        the bias-corrected centre. A point of a draw belongs to the nearest fitted one with
        the same direction of the drift. Where a point exists in less than 95 % of the draws
        there is no interval. Coverage is measured in ``benchmarks/coverage/derived.py``.

        References
        ----------
        Krinsky, I. and Robb, A. L. (1986), On approximating the statistical properties of
        elasticities, Review of Economics and Statistics 68, 715-719.

        Examples
        --------
        >>> import stochtext as st
        >>> X = st.simulate(
        ...     st.DoubleWell(1.0, 1.0, 0.7), 1.0, dt=0.1, n_steps=4000, random_state=0
        ... )
        >>> fit = st.ParametricSDE(st.DoubleWell(), density="shoji_ozaki").fit(X)
        >>> fit.results_.fixed_points().to_frame()["stability"].tolist()
        ['stable node', 'unstable node', 'stable node']
        """
        from stochtext.results.inference.derived.fixed_points import fixed_points
        from stochtext.results.inference.derived.spread import spread_of

        return fixed_points(self, spread_of(self, n_draws, random_state, bootstrap), t, alpha)

    def time_constants(
        self,
        alpha: float = 0.05,
        *,
        t: float = 0.0,
        n_draws: int = 400,
        bootstrap: BootstrapResults | None = None,
        random_state: RandomState = 0,
    ) -> pd.DataFrame:
        """Return the time constants of return to every stable fixed point.

        Parameters
        ----------
        alpha, t, n_draws, bootstrap, random_state
            As in :meth:`fixed_points`.

        Returns
        -------
        DataFrame
            One row per stable point and eigenvalue lambda of the drift's Jacobian there, the
            slowest first: ``rate`` = -Re lambda, ``time_constant`` = 1 / rate,
            ``half_life``, ``period`` = 2 pi / abs(Im lambda), with ``rate_se``,
            ``time_constant_se`` and the ends of the interval; ``note`` where they are NaN.
        """
        from stochtext.results.inference.derived.fixed_points import local_time_constants
        from stochtext.results.inference.derived.spread import spread_of

        spread = spread_of(self, n_draws, random_state, bootstrap)
        return local_time_constants(self, spread, t, alpha)

    def stationary_density(
        self,
        x: Any = None,
        *,
        alpha: float = 0.05,
        n_draws: int = 400,
        bootstrap: BootstrapResults | None = None,
        random_state: RandomState = 0,
    ) -> DerivedTable:
        r"""Return the stationary density with pointwise intervals.

        Parameters
        ----------
        x : array_like of shape (n, d), optional
            Where; by default 101 states across the support of one coordinate.
        alpha, n_draws, bootstrap, random_state
            As in :meth:`fixed_points`.

        Returns
        -------
        DerivedTable
            ``to_frame()`` has ``density, se, lower, upper, reason``; NaN with the reason
            where the process has no stationary law.

        Notes
        -----
        In one coordinate

        .. math:: p(x) \propto \frac{1}{a(x)} \exp \int^x \frac{2 b(y)}{a(y)} \, dy,

        by quadrature over the support and beyond it, to where the speed density has
        fallen by 45 in the logarithm (Karlin and Taylor 1981, chapter 15, section 5). What
        the estimator's rule of extrapolation says beyond the data is part of it. In several
        coordinates it is offered for linear processes, where it is Gaussian.
        """
        from stochtext.results.inference.derived.one_coordinate import stationary_density
        from stochtext.results.inference.derived.spread import spread_of

        states = self._line_or(x)
        spread = spread_of(self, n_draws, random_state, bootstrap)
        return stationary_density(self, states, spread, alpha)

    def potential(
        self,
        x: Any = None,
        *,
        kind: str = "drift",
        t: float = 0.0,
        alpha: float = 0.05,
        n_draws: int = 400,
        bootstrap: BootstrapResults | None = None,
        random_state: RandomState = 0,
    ) -> DerivedTable:
        """Return the potential of one coordinate, zero at the mean state, with intervals.

        Parameters
        ----------
        x : array_like of shape (n, 1), optional
            Where; by default 101 states across the support.
        kind : {"drift", "effective"}, default "drift"
            U(x) = - int b, or the dimensionless - int 2 b / a, which counts in units of the
            noise and rules how rare a passage over it is.
        t, alpha, n_draws, bootstrap, random_state
            As in :meth:`fixed_points`.
        """
        from stochtext.results.inference.derived.one_coordinate import POTENTIALS, potential
        from stochtext.results.inference.derived.spread import spread_of

        check_choice("kind", kind, POTENTIALS)
        states = self._line_or(x)
        spread = spread_of(self, n_draws, random_state, bootstrap)
        return potential(self, states, spread, alpha, kind, t)

    def barrier_heights(
        self,
        *,
        kind: str = "drift",
        t: float = 0.0,
        alpha: float = 0.05,
        n_draws: int = 400,
        bootstrap: BootstrapResults | None = None,
        random_state: RandomState = 0,
    ) -> DerivedTable:
        """Return how much the potential rises from each well to the tops beside it.

        Parameters
        ----------
        kind, t, alpha, n_draws, bootstrap, random_state
            As in :meth:`potential`.

        Returns
        -------
        DerivedTable
            One row per well (stable fixed point) and neighbouring top (unstable one).
        """
        from stochtext.results.inference.derived.one_coordinate import POTENTIALS, barrier_heights
        from stochtext.results.inference.derived.spread import spread_of

        check_choice("kind", kind, POTENTIALS)
        spread = spread_of(self, n_draws, random_state, bootstrap)
        return barrier_heights(self, spread, alpha, kind, t)

    def mean_first_passage(
        self,
        start: Any,
        target: Any,
        *,
        component: int = 0,
        alpha: float = 0.05,
        n_draws: int = 400,
        n_paths: int = 2000,
        max_time: float | None = None,
        bootstrap: BootstrapResults | None = None,
        random_state: RandomState = 0,
    ) -> DerivedTable:
        r"""Return the mean time until the process first reaches a target.

        Parameters
        ----------
        start : array_like of shape (n, d)
            States; one only where there are several coordinates.
        target : float or pair of float
            A level, or two of them around the start, of which the first to be reached counts.
        component : int, default 0
            Which coordinate must reach it.
        alpha, n_draws, bootstrap, random_state
            As in :meth:`fixed_points`.
        n_paths, max_time
            Of the simulation, in several coordinates.

        Returns
        -------
        DerivedTable
            ``to_frame()`` has ``time``; ``simulation_se``, its Monte Carlo error, zero where
            the mean is by quadrature; ``se, lower, upper`` of the estimates; ``reason``.

        Notes
        -----
        In one coordinate, from x to c > x,

        .. math::

            T(x) = 2 \int_x^c e^{-E(y)} \int_{-\infty}^y \frac{e^{E(z)}}{a(z)} \, dz \, dy,
            \quad E' = \frac{2 b}{a}

        (Gardiner 2009, Stochastic Methods, section 5.5). In several coordinates paths are
        simulated with a tenth of the shortest sampling interval.
        """
        from stochtext.results.inference.derived.passage import mean_first_passage
        from stochtext.results.inference.derived.spread import spread_of

        spread = spread_of(self, n_draws, random_state, bootstrap)
        return mean_first_passage(
            self, start, target, spread, alpha, component=component, n_paths=n_paths,
            max_time=max_time, random_state=random_state,
        )  # fmt: skip

    def _line_or(self, x: Any) -> FloatArray:
        """Return states, by default a line across the support of one coordinate."""
        fit: Any = self
        if x is not None:
            return as_states("x", x, fit.record.dim)
        if fit.record.dim > 1:
            raise InputError("Pass states `x`: there is no line across several coordinates.")
        line: FloatArray = fit.support.line(0, 101)
        return line
