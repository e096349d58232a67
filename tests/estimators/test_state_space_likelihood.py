"""The filter's likelihood is the density of one large Gaussian vector; its gradient is exact."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm, solve_continuous_lyapunov
from scipy.stats import multivariate_normal

from stochtext.processes.linear.mean_basis import MeanBasis, NaturalSpline, Polynomials
from stochtext.trajectories.panel import Trajectories
from stochtext.transitions.state_space.layout import Layout, rows_of
from stochtext.transitions.state_space.likelihood import Model, StateSpaceLikelihood
from stochtext.transitions.state_space.parameters import Parameters, Shape


def some_parameters(shape: Shape, seed: int = 1) -> Parameters:
    """Return stable parameters with every part that the shape has."""
    rng = np.random.default_rng(seed)
    p = shape.unpack(0.3 * rng.standard_normal(shape.size))
    d = shape.dim
    for matrix, size in ((p.kappa, 1.2), (p.factor, 0.8), (p.noise, 0.4), (p.effect, 0.5),
                         (p.spread, 0.9)):  # fmt: skip
        if matrix is not None:
            matrix += size * np.eye(d) * np.linspace(0.8, 1.2, d)
    return p


def some_panel(d: int, *, regular: bool = False, gaps: bool = False) -> Trajectories:
    """Return three trajectories of different length."""
    rng = np.random.default_rng(5)
    lengths = (6, 4, 7)
    times = [np.cumsum(rng.uniform(0.2, 0.9, n)) for n in lengths]
    if regular:
        times = [0.4 * np.arange(n) for n in lengths]
    values = [0.6 + rng.standard_normal((n, d)) for n in lengths]
    panel = Trajectories(values, times)
    if not gaps:
        return panel
    flat = panel.values.copy()
    flat[1::4, 0] = np.nan
    flat[3::5, d - 1] = np.nan
    return panel._of(panel._parts._replace(values=flat))


def direct_log_density(
    p: Parameters,
    basis: MeanBasis,
    noise: np.ndarray,
    initial: str,
    panel: Trajectories,
    clock: str,
) -> float:
    """Return the log density of all observations as one Gaussian vector a trajectory."""
    total = 0.0
    for one in panel:
        times, y = one.times, one.values
        u = times if clock == "time" else one.relative_times
        n, d = y.shape
        # A flat first state is N(y_0, R) once it is observed.
        flat = (y[0], noise) if initial == "conditional" else None
        mean, covariance = latent_law(p, basis, initial, times, u, flat)
        covariance = covariance + np.kron(np.eye(n), noise)
        seen = np.isfinite(y.ravel())
        first = np.arange(n * d) < d
        keep, given = seen, np.zeros(n * d, dtype=bool)
        if initial in ("conditional", "unweighed"):
            keep = seen & ~first
            given = seen & first & (flat is None)
        value = joint(y, mean, covariance, keep | given)
        if given.any():
            value -= joint(y, mean, covariance, given)
        total += value
    return total


def joint(y: np.ndarray, mean: np.ndarray, covariance: np.ndarray, keep: np.ndarray) -> float:
    """Return the log density of a part of the vector."""
    return float(
        multivariate_normal(mean[keep], covariance[np.ix_(keep, keep)]).logpdf(y.ravel()[keep])
    )


def latent_law(
    p: Parameters,
    basis: MeanBasis,
    initial: str,
    times: np.ndarray,
    u: np.ndarray,
    flat: tuple | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of X at all times, by quadrature and block exponentials."""
    n = len(times)
    level = basis.derivatives(u)[0] @ p.trend
    stationary = solve_continuous_lyapunov(p.kappa, p.rate)
    own, mean = stationary, [level[0]]
    if initial == "free":
        own, mean = p.spread @ p.spread.T, [p.first]
    elif flat is not None:
        own, mean = flat[1], [flat[0]]
    blocks = {(0, 0): own}
    for k in range(1, n):
        h = times[k] - times[k - 1]
        phi = expm(-p.kappa * h)
        s, w = nodes_between(h, (basis.knots - u[k - 1]) * h / (u[k] - u[k - 1]))
        decay = np.stack([expm(-p.kappa * (h - x)) for x in s])
        along = basis.derivatives(u[k - 1] + (u[k] - u[k - 1]) * s / h)[0]
        pull = np.einsum("n,nij,jk,nk->i", w, decay, p.kappa, along @ p.trend)
        q = np.einsum("n,nij,jk,nlk->il", w, decay, p.rate, decay)
        mean.append(phi @ mean[-1] + pull)
        for j in range(k):
            blocks[k, j] = phi @ blocks[k - 1, j]
            blocks[j, k] = blocks[k, j].T
        blocks[k, k] = phi @ blocks[k - 1, k - 1] @ phi.T + q
    covariance = np.block([[blocks[i, j] for j in range(n)] for i in range(n)])
    if p.effect is not None:
        covariance += np.kron(np.ones((n, n)), p.effect @ p.effect.T)
    return np.concatenate(mean), covariance


def nodes_between(h: float, breaks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of a quadrature over (0, h) that is split at breaks."""
    ends = np.array([0.0, *breaks[(breaks > 0) & (breaks < h)], h])
    nodes, weights = np.polynomial.legendre.leggauss(20)
    half = 0.5 * np.diff(ends)[:, None]
    return (ends[:-1, None] + half * (nodes + 1)).ravel(), (half * weights).ravel()


def likelihood_of(
    d: int, panel: Trajectories, *, noise: str, initial: str, effect: bool, degree: int
) -> tuple[StateSpaceLikelihood, Parameters, str]:
    """Return the package's likelihood, parameters and the clock."""
    basis: MeanBasis = Polynomials(degree) if degree >= 0 else NaturalSpline((0.0, 0.3, 0.7, 1.0))
    shape = Shape(d, basis.size, noise, effect, initial == "free")
    model = Model(shape, basis, initial, np.zeros((d, d)))
    clock = "relative" if degree else "time"
    rows = rows_of(panel, clock, complete_start=model.flat, knots=basis.knots)
    return (
        StateSpaceLikelihood(model, rows, np.ones(panel.n_trajectories)),
        some_parameters(shape),
        clock,
    )


CASES = [
    (1, "diagonal", "stationary", False, 0, False, False),
    (1, "none", "stationary", True, 1, True, False),
    (2, "full", "stationary", False, 1, False, True),
    (2, "diagonal", "free", True, 2, False, True),
    (3, "full", "stationary", True, 1, False, True),
    (3, "diagonal", "free", False, 0, True, True),
    (2, "diagonal", "unweighed", True, 1, False, True),
    (3, "none", "stationary", False, 1, True, True),
    (1, "diagonal", "stationary", False, -1, True, False),
    (2, "full", "free", True, -1, False, True),
]


@pytest.mark.parametrize(("d", "noise", "initial", "effect", "degree", "regular", "gaps"), CASES)
def test_likelihood_is_that_of_one_gaussian_vector(
    d: int, noise: str, initial: str, effect: bool, degree: int, regular: bool, gaps: bool
) -> None:
    panel = some_panel(d, regular=regular, gaps=gaps)
    likelihood, p, clock = likelihood_of(
        d, panel, noise=noise, initial=initial, effect=effect, degree=degree
    )
    value, _ = likelihood.value_and_gradient(likelihood.model.shape.pack(p))
    covariance = np.zeros((d, d)) if p.noise is None else p.noise @ p.noise.T
    expected = direct_log_density(p, likelihood.model.basis, covariance, initial, panel, clock)
    assert -value == pytest.approx(expected, rel=1e-11, abs=1e-10)


@pytest.mark.parametrize("regular", [True, False])
@pytest.mark.parametrize("d", [1, 3])
def test_conditional_likelihood_starts_from_a_flat_first_state(d: int, regular: bool) -> None:
    panel = some_panel(d, regular=regular)
    likelihood, p, clock = likelihood_of(
        d, panel, noise="full", initial="conditional", effect=False, degree=1
    )
    value, _ = likelihood.value_and_gradient(likelihood.model.shape.pack(p))
    expected = direct_log_density(
        p, likelihood.model.basis, p.noise @ p.noise.T, "conditional", panel, clock
    )
    assert -value == pytest.approx(expected, rel=1e-11, abs=1e-10)


@pytest.mark.parametrize(
    ("d", "noise", "initial", "effect", "degree", "regular", "gaps"),
    [*CASES, (2, "full", "conditional", False, 1, True, False),
     (2, "diagonal", "conditional", False, 0, False, True)],
)  # fmt: skip
def test_gradient_is_that_of_the_value_and_scores_add_up_to_it(
    d: int, noise: str, initial: str, effect: bool, degree: int, regular: bool, gaps: bool
) -> None:
    panel = some_panel(d, regular=regular, gaps=gaps)
    likelihood, p, _ = likelihood_of(
        d, panel, noise=noise, initial=initial, effect=effect, degree=degree
    )
    likelihood.weight[:] = [1.0, 2.0, 0.5]
    theta = likelihood.model.shape.pack(p)
    _, gradient = likelihood.value_and_gradient(theta)
    width = 1e-5
    for k in range(len(theta)):
        offset = np.zeros_like(theta)
        offset[k] = width
        ends = [likelihood.value_and_gradient(theta + s * offset)[0] for s in (1, -1)]
        assert gradient[k] == pytest.approx((ends[0] - ends[1]) / (2 * width), rel=1e-6, abs=1e-7)
    total = -likelihood.scores(theta).sum(axis=0)
    np.testing.assert_allclose(total, gradient, rtol=1e-9, atol=1e-9)


def test_trajectories_with_equal_histories_share_their_nodes() -> None:
    panel = Trajectories([np.zeros((n, 2)) for n in (5, 9, 3)], dt=0.1)
    layout = Layout.shared(rows_of(panel, "time", complete_start=True))
    assert len(layout.parent) == 9
    assert layout.node.tolist() == [*range(5), *range(9), *range(3)]
