"""P22 to P24: maximum likelihood of one path against pymle, and one pass of the likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import stochtext as st
from benchmarks.speed.peers import pymle_fits
from benchmarks.speed.plan import Found, Plan
from benchmarks.speed.timing import Candidate
from stochtext.processes.base import Process
from stochtext.transitions import transition_density

__all__ = ["measure"]

DT = 1.0 / 250.0
# Two optima are the same if parameters and log likelihoods differ by less.
_SAME = 1e-3
_PASSES = 10


@dataclass(frozen=True)
class Model:
    """A process with what both sides need to fit it from the same start."""

    truth: Process
    family: Process
    peer: str
    guess: tuple[float, ...]
    bounds: tuple[tuple[float, float], ...]
    x0: float


MODELS = {
    "OU": Model(
        st.OrnsteinUhlenbeck(3.0, 0.5, 0.4), st.OrnsteinUhlenbeck(), "OrnsteinUhlenbeck",
        (1.0, 0.2, 0.3), ((0.01, 20.0), (-5.0, 5.0), (0.01, 3.0)), 0.5,
    ),
    "CIR": Model(
        st.CoxIngersollRoss(3.0, 0.5, 0.4), st.CoxIngersollRoss(), "CIR",
        (1.0, 0.2, 0.3), ((0.01, 20.0), (0.01, 5.0), (0.01, 3.0)), 0.5,
    ),
    "CKLS": Model(
        st.CKLS(1.5, -3.0, 0.4, 0.7), st.CKLS(), "CKLS",
        (1.0, -1.0, 0.3, 0.5), ((0.01, 20.0), (-20.0, 5.0), (0.01, 3.0), (0.1, 2.0)), 0.5,
    ),
}  # fmt: skip


def measure(plan: Plan) -> Found:
    """Time full fits and single passes."""
    found = Found()
    same = [
        _full_fit(found, plan, f"P22 {name} {n:.0e}".replace("e+0", "e"), model, "euler", n)
        for n in (10_000, 100_000)
        for name, model in MODELS.items()
    ]
    found.rows["P22 same optimum"] = float(all(same))
    for density in ("kessler", "hermite"):
        for name in ("CIR", "CKLS"):
            _full_fit(found, plan, f"P24 {density} {name}", MODELS[name], density, 10_000)
    for name, model in MODELS.items():
        found.rows[f"P23 {name}"] = _one_pass(found, plan, name, model)
    return found


def _full_fit(found: Found, plan: Plan, row: str, model: Model, density: str, n: int) -> bool:
    """Time both fits of one path, note their optima and return whether these are the same."""
    path = simulated(model, max(n // plan.divisor, 500))
    own = _fit(model, density, path)
    peer = pymle_fits.fit(
        model.peer, density, path.values[:, 0].copy(), DT, model.guess, model.bounds
    )
    ours, theirs = own(), peer()
    rows = float(path.n_transitions)
    candidates = {"stochtext": Candidate(own, rows), "pymle": Candidate(peer, rows)}
    ns = found.time(row, candidates, plan)
    found.rows[row] = ns["pymle"] / ns["stochtext"]
    gap = np.abs(ours.params.to_numpy() - np.asarray(theirs.params)).max()
    found.notes.append(
        f"{row}: log likelihood {ours.llf:.3f}, pymle {theirs.log_like:.3f}; parameters differ by "
        f"at most {gap:.1e}."
    )
    return bool(max(gap, abs(ours.llf - theirs.log_like)) <= _SAME)


def _fit(model: Model, density: str, path: st.Trajectories) -> Callable[[], Any]:
    start = dict(zip(model.family.params, model.guess, strict=True))
    estimator = st.ParametricSDE(model.family, density=density, start=start)
    return lambda: estimator.fit(path).results_


def _one_pass(found: Found, plan: Plan, name: str, model: Model) -> float:
    path = simulated(model, 1_000_000 // plan.divisor)
    s = path.transitions()
    likelihood = transition_density("euler").likelihood(model.truth, s.x, s.x_next, s.t, s.dt)
    theta = model.truth.to_vector()

    def run() -> None:
        # As in a search, where the data stay in the cache if they fit.
        for _ in range(_PASSES):
            likelihood.value_and_gradient(theta)

    candidate = Candidate(run, float(_PASSES * len(s.dt)))
    ns = found.time(f"P23 {name}, passes of 1e6", {"stochtext": candidate}, plan)
    return ns["stochtext"]


def simulated(model: Model, n: int) -> st.Trajectories:
    """Return one path of n steps."""
    return st.simulate(model.truth, model.x0, dt=DT, n_steps=n, n_substeps=5, random_state=1)
