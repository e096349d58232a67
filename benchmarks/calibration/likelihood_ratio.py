"""Size of the likelihood ratio and Wald tests of ``ParametricSDE``, alone and of the CKLS family.

Samples are drawn from the smaller model of each pair, exactly where it has an exact scheme and
in 20 Milstein steps a transition elsewhere; both models are fitted, and the share of samples in
which the tests reject at 5 and 10 % is counted.

- Ornstein-Uhlenbeck: the mean, the noise, both, and the rate of reversion, which is the one
  whose estimate is biased in short records.
- CKLS by Euler's likelihood on monthly rates: the models that ``ckls_tests`` tests, each under
  its own null hypothesis. gamma = 0 is the end of the allowed interval, where the p-value is an
  upper bound; with alpha = 0 or beta = 0 the rate does not return to a level, and the
  likelihood ratio is not chi-squared: there are p-values by the bootstrap only.

``chi-square`` refers every ratio to that law, also where the package does not; "offered" says
in how many per cent of the samples it does. ``bootstrap`` is the warp-speed estimate of the size
of ``n_boot``: one replicate a sample, all ratios of replicates pooled.

Run from the root of the repository, some minutes on one core::

    python -m benchmarks.calibration.likelihood_ratio --samples 1000

The result is stored beside this file in ``results/likelihood_ratio.json``. With R = 1000 samples
the 99.9 % band around 5 % is [2.9, 7.4].
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import chi2

from benchmarks.record import run_study
from stochtext import (
    CKLS,
    OrnsteinUhlenbeck,
    ParametricSDE,
    StochtextError,
    Trajectories,
    simulate,
)
from stochtext._shared.random import generator
from stochtext.estimators.parametric.ckls import CKLS_MODELS
from stochtext.processes import Process
from stochtext.results.inference.nested.bootstrapped_ratio import bootstrapped_ratios

RESULT = Path(__file__).with_name("results") / "likelihood_ratio.json"
LEVELS = (5, 10)


@dataclass(frozen=True)
class Design:
    """The true process, the larger model, what its restriction says, and how it was seen."""

    truth: Process
    full: Process
    restriction: dict[str, float]
    n_paths: int
    n_steps: int
    dt: float
    density: str = "exact"

    def hypothesis(self) -> str:
        """Return the restriction in words."""
        return ", ".join(f"{name} = {value!r}" for name, value in self.restriction.items())


class Row(NamedTuple):
    """What one sample came to; ``offered`` is the p-value that the package prints."""

    ratio: float
    offered: float
    wald: float
    replicate: float


OU = OrnsteinUhlenbeck(1.0, 0.5, 0.6)
#: Parameters of a monthly rate under each model of the family, its restrictions beside them.
RATES: dict[str, dict[str, float]] = {
    "Vasicek": {"alpha": 0.04, "beta": -0.6, "sigma": 0.015},
    "CIR square root": {"alpha": 0.04, "beta": -0.6, "sigma": 0.08},
    "Brennan-Schwartz": {"alpha": 0.04, "beta": -0.6, "sigma": 0.3},
    "constant elasticity of variance": {"beta": -0.05, "sigma": 0.3, "gamma": 1.0},
    "geometric Brownian motion": {"beta": 0.03, "sigma": 0.2},
    "Dothan": {"sigma": 0.2},
    "CIR variable rate": {"sigma": 0.5},
    "Merton": {"alpha": 0.01, "sigma": 0.01},
}


def _ou(restriction: dict[str, float], n_paths: int, n_steps: int, dt: float) -> Design:
    return Design(OU, OrnsteinUhlenbeck(), restriction, n_paths, n_steps, dt)


def _rate(model: str) -> Design:
    truth = CKLS(**RATES[model], **CKLS_MODELS[model])
    return Design(truth, CKLS(), CKLS_MODELS[model], 1, 400, 1 / 12, "euler")


DESIGNS: dict[str, Design] = {
    "OU, mu, 1 path, kappa T = 50": _ou({"mu": 0.5}, 1, 500, 0.1),
    "OU, mu, 30 paths of 20": _ou({"mu": 0.5}, 30, 20, 0.25),
    "OU, sigma, 1 path, kappa T = 50": _ou({"sigma": 0.6}, 1, 500, 0.1),
    "OU, mu and sigma, 1 path, kappa T = 50": _ou({"mu": 0.5, "sigma": 0.6}, 1, 500, 0.1),
    "OU, mu, 1 path, kappa T = 10": _ou({"mu": 0.5}, 1, 100, 0.1),
    "OU, kappa, 1 path, kappa T = 10": _ou({"kappa": 1.0}, 1, 100, 0.1),
    "OU, kappa, 1 path, kappa T = 20": _ou({"kappa": 1.0}, 1, 200, 0.1),
    "OU, kappa, 1 path, kappa T = 50": _ou({"kappa": 1.0}, 1, 500, 0.1),
    "OU, kappa, 1 path, kappa T = 200": _ou({"kappa": 1.0}, 1, 2000, 0.1),
    "OU, kappa, 30 paths of 20": _ou({"kappa": 1.0}, 30, 20, 0.25),
    **{f"CKLS, {model}": _rate(model) for model in RATES},
}


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "rejections of a true restriction in per cent",
        DESIGNS,
        measure,
        RESULT,
        samples=1000,
    )
    for name, design in designs.items():
        print(f"{name:45s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return how often the tests reject in one design."""
    design = DESIGNS[name]
    rows = np.full((samples, len(Row._fields)), np.nan)
    for k in range(samples):
        panel = data(design, generator(seed, name, k))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rows[k] = tested(design, panel, seed + k)
        except StochtextError:
            continue
    ratio, offered, wald, replicate = rows.T
    pool = np.sort(replicate[np.isfinite(replicate)])
    beyond = len(pool) - np.searchsorted(pool, ratio, side="left")
    pvalues = {
        "chi-square": np.where(np.isnan(ratio), np.nan, chi2.sf(ratio, len(design.restriction))),
        "bootstrap": np.where(np.isnan(ratio), np.nan, (1 + beyond) / (1 + len(pool))),
        "Wald": wald,
    }
    rates = {
        f"{kind}, {level} %": _rate_below(own, level / 100)
        for kind, own in pvalues.items()
        for level in LEVELS
    }
    share = round(100 * float(np.mean(np.isfinite(offered))), 1)
    failed = {"no ratio": int(np.isnan(ratio).sum()), "no replicate": samples - len(pool)}
    return {**rates, "chi-square, offered": share, **failed}


def _rate_below(pvalues: np.ndarray, level: float) -> float | None:
    known = pvalues[np.isfinite(pvalues)]
    return round(100 * float(np.mean(known <= level)), 2) if len(known) else None


def data(design: Design, rng: np.random.Generator) -> Trajectories:
    """Return paths of the smaller model."""
    first = np.full((design.n_paths, 1), 0.06)
    options: dict[str, Any] = {"scheme": "milstein", "n_substeps": 20}
    if design.truth is OU:
        law = OU.stationary_covariance()[0, 0]
        first = 0.5 + np.sqrt(law) * rng.standard_normal((design.n_paths, 1))
        options = {"scheme": "exact"}
    return simulate(
        design.truth, first, dt=design.dt, n_steps=design.n_steps, random_state=rng, **options
    )


def tested(design: Design, panel: Trajectories, seed: int) -> Row:
    """Return the tests of one sample."""
    full = ParametricSDE(design.full, design.density).fit(panel).results_
    start = design.full.with_params(**{**full.params.to_dict(), **design.restriction})
    model = ParametricSDE(start, design.density, fixed=tuple(design.restriction))
    restricted = model.fit(panel).results_
    test = full.lr_test(restricted, "nonrobust")
    replicate = bootstrapped_ratios(full, restricted, n_boot=1, random_state=seed)
    wald = full.wald_test(design.hypothesis(), "nonrobust").pvalue
    return Row(test.statistic, test.pvalue, wald, replicate[0])


if __name__ == "__main__":
    main()
