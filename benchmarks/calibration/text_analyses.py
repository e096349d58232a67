"""Size of the tests and coverage of the intervals of the analyses of text.

Panels of short documents whose truth is known: states in random order around levels of their
own, and autoregressions of order one. Rejections at 5 % of hypotheses that hold, and coverage
of 95 % intervals.

Run from the root of the repository, some ten minutes on one core::

    python -m benchmarks.calibration.text_analyses --samples 1000 --jobs 4

The result is stored beside this file in ``results/text_analyses.json``. Each number comes with
how many tests or intervals it is a share of.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import run_study
from stochtext import LinearSDE, Trajectories
from stochtext._shared.random import generator
from stochtext.analysis import moment_analysis, setting_analysis
from stochtext.analysis.adequacy.residual_checks import autocorrelation
from stochtext.analysis.adequacy.single_documents import document_tests
from stochtext.analysis.adequacy.smoothing import smoothing_signs
from stochtext.analysis.adequacy.structure import lags_for, structure_function
from stochtext.analysis.fields.state_dependence import state_dependence
from stochtext.analysis.phase_space.passage import passage_quantities
from stochtext.analysis.phase_space.recurrence import recurrence_quantities
from stochtext.analysis.phase_space.regimes import document_regimes
from stochtext.analysis.process.correlation_time import correlation_time
from stochtext.analysis.process.ergodicity import ergodicity_quantities
from stochtext.analysis.simulated_panels import simulated_panels
from stochtext.analysis.trajectories.contrast import contrast_quantities, read_complexity

RESULT = Path(__file__).with_name("results") / "text_analyses.json"
PERMUTATIONS, SIMULATIONS = 39, 39
RHO = 0.6
#: What many documents say, by the function that asks them.
KNOWN: dict[str, list[float]] = {}


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "rejections at 5 % of true hypotheses and coverage of 95 % intervals, in per cent",
        DESIGNS,
        measure,
        RESULT,
        samples=200,
        permutations=PERMUTATIONS,
        simulations=SIMULATIONS,
    )
    for name, design in designs.items():
        print(f"{name:44s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the share of hits over all samples of one design, with their number."""
    hits: list[float] = []
    for k in range(samples):
        hits += DESIGNS[name](generator(seed, name, k), k)
    known = np.array(hits)[np.isfinite(hits)]
    return {"per cent": round(100 * float(known.mean()), 2), "of": len(known)}


def autoregressions(
    rng: np.random.Generator, m: int, n: int, rho: float, d: int = 1, level: float = 0.0
) -> Trajectories:
    """Return stationary autoregressions of unit variance around levels of their own."""
    x = rng.standard_normal((m, n, d))
    for t in range(1, n):
        x[:, t] = rho * x[:, t - 1] + np.sqrt(1 - rho**2) * x[:, t]
    return Trajectories(x + level * rng.standard_normal((m, 1, d)))


def single_documents(rng: np.random.Generator, k: int) -> list[float]:
    """Permutation tests of twenty documents in random order."""
    panel = autoregressions(rng, 20, 12, 0.0, 3, level=1.0)
    found = document_tests(panel, PERMUTATIONS, 0.05, np.random.SeedSequence(k))
    return (found.frame["pvalue"] <= 0.05).astype(float).tolist()


def regimes(rng: np.random.Generator, k: int) -> list[float]:
    """Any regime in twenty documents in random order."""
    panel = autoregressions(rng, 20, 16, 0.0, 2)
    found = document_regimes(panel, 59, 0.05, np.random.SeedSequence(k), "study")
    return (found["regime"] != "undetermined").astype(float).tolist()


def two_cycle(rng: np.random.Generator, k: int, rho: float = 0.0) -> list[float]:
    """Two-cycle tests of twenty documents."""
    panel = autoregressions(rng, 20, 16, rho, 2)
    found = document_regimes(panel, PERMUTATIONS, 0.05, np.random.SeedSequence(k), "study")
    return (found["oscillating"] <= 0.05).astype(float).tolist()


def persistent_two_cycle(rng: np.random.Generator, k: int) -> list[float]:
    """Two-cycle tests of documents that move slowly: no two-cycle either."""
    return two_cycle(rng, k, RHO)


def constant_diffusion(rng: np.random.Generator, k: int) -> list[float]:
    """State dependence of the noise where documents differ in scale only."""
    panel = autoregressions(rng, 30, 20, RHO, 2)
    s = panel.transitions()
    error = (s.x_next - RHO * s.x) * np.exp(0.5 * rng.standard_normal(30))[s.trajectory, None]
    found = state_dependence(s.x, error, s.trajectory, s.trajectory, PERMUTATIONS, 0.05, rng)
    return [float(found.pvalue <= 0.05)]


def complexity(rng: np.random.Generator, k: int) -> list[float]:
    """Complexity that goes with length, errors that go with length, and nothing else."""
    panel = Trajectories([rng.standard_normal((n, 1)) for n in rng.integers(8, 40, 40)])
    given = {"measure": panel.lengths + 5 * rng.standard_normal(40)}
    error = panel.lengths + 10 * rng.standard_normal(40)
    measures = read_complexity(panel, given, None)
    rows = contrast_quantities(panel, measures, error, error, PERMUTATIONS, 0.05, rng)
    return [float(q.pvalue <= 0.05) for q in rows if q.name == "measure"]


def setting_within(rng: np.random.Generator, k: int) -> list[float]:
    """Diffusion against a temperature that means nothing."""
    return [float(_setting(rng, k).value("diffusion within a path").pvalue <= 0.05)]


def setting_between(rng: np.random.Generator, k: int) -> list[float]:
    """Variance between replicates against a temperature that means nothing."""
    return [float(_setting(rng, k).value("variance at the same step").pvalue <= 0.05)]


def _setting(rng: np.random.Generator, k: int) -> Any:
    panel = autoregressions(rng, 30, 12, RHO, 2, level=0.5)
    metadata = {"temperature": np.tile([0.2, 0.6, 1.0, 1.4, 1.8], 6)}
    marked = Trajectories(panel.arrays(), metadata=metadata)
    return setting_analysis(marked, "temperature", n_permutations=PERMUTATIONS, random_state=k)


def moments(rng: np.random.Generator, k: int) -> list[float]:
    """All moments together, on documents that the true model was not fitted to."""
    fit = LinearSDE().fit(autoregressions(rng, 100, 15, RHO))
    return _moments(fit, autoregressions(rng, 40, 15, RHO), k)


def moments_of_its_own(rng: np.random.Generator, k: int) -> list[float]:
    """All moments together, on the documents fitted to."""
    panel = autoregressions(rng, 100, 15, RHO)
    return _moments(LinearSDE().fit(panel), panel, k)


def _moments(fit: LinearSDE, panel: Trajectories, k: int) -> list[float]:
    found = moment_analysis(fit, panel, n_simulations=SIMULATIONS, random_state=k)
    return [float(found.value("all moments").pvalue <= 0.05)]


def moments_behind_noise(rng: np.random.Generator, k: int) -> list[float]:
    """All moments together, states seen with noise, on documents not fitted to."""
    fit, panel = _behind_noise(rng)
    return _moments(fit, panel, k)


def document_means_behind_noise(rng: np.random.Generator, k: int) -> list[float]:
    """Spread of document means, states seen with noise, on documents not fitted to."""
    fit, panel = _behind_noise(rng)
    simulated = simulated_panels(fit.results_, panel, SIMULATIONS, np.random.SeedSequence(k))
    rows = ergodicity_quantities(panel, simulated.values, np.arange(40), 0.05)
    return [float(rows[0].pvalue <= 0.05)]


def _behind_noise(rng: np.random.Generator) -> tuple[LinearSDE, Trajectories]:
    """Return a fit with noise to a hundred documents, and forty others."""
    seen = []
    for m in (100, 40):
        panel = autoregressions(rng, m, 15, 0.8)
        seen.append(panel.with_values(panel.values + 0.5 * rng.standard_normal((15 * m, 1))))
    return LinearSDE(observation_noise="diagonal").fit(seen[0]), seen[1]


def document_means(rng: np.random.Generator, k: int) -> list[float]:
    """Spread of document means of the true model, on documents that it was not fitted to."""
    panel, simulated = _other_documents(rng, k)
    rows = ergodicity_quantities(panel, simulated, np.arange(40), 0.05)
    return [float(rows[0].pvalue <= 0.05)]


def first_passages(rng: np.random.Generator, k: int) -> list[float]:
    """First-passage times of the true model, on documents that it was not fitted to."""
    panel, simulated = _other_documents(rng, k)
    rows = passage_quantities(panel, panel, simulated, np.arange(40), 0.05)
    return [float(rows[0].pvalue <= 0.05)]


def _other_documents(rng: np.random.Generator, k: int) -> tuple[Trajectories, np.ndarray]:
    fit = LinearSDE().fit(autoregressions(rng, 100, 15, RHO))
    panel = autoregressions(rng, 40, 15, RHO)
    root = np.random.SeedSequence(k)
    return panel, simulated_panels(fit.results_, panel, SIMULATIONS, root).values


def passage_times(rng: np.random.Generator, k: int) -> list[float]:
    """Intervals of the mean passage time, against that of ten thousand documents."""
    return _held(_passage, autoregressions(rng, 40, 15, RHO), 10_000)


def _passage(panel: Trajectories) -> list[Any]:
    m = panel.n_trajectories
    return passage_quantities(panel, panel, np.zeros((1, m, 15, 1)), np.arange(m), 0.05)


def recurrences(rng: np.random.Generator, k: int) -> list[float]:
    """Intervals of both recurrence numbers, against those of four thousand documents."""
    return _held(_recurrence, autoregressions(rng, 40, 15, RHO), 4000)


def _recurrence(panel: Trajectories) -> list[Any]:
    return recurrence_quantities(panel, panel, np.arange(panel.n_trajectories), 0.05)


def signs(rng: np.random.Generator, k: int) -> list[float]:
    """Signs of smoothing in processes that were not smoothed, half of them seen with noise."""
    panel = autoregressions(rng, 60, 20, RHO, 2)
    if k % 2:
        panel = panel.with_values(panel.values + rng.standard_normal(panel.values.shape))
    return [float(bool(smoothing_signs(panel, np.arange(60))))]


def _held(
    quantities: Callable[[Trajectories], list[Any]], panel: Trajectories, many: int
) -> list[float]:
    """Return whether intervals hold what many documents say."""
    name = quantities.__name__
    if name not in KNOWN:
        documents = autoregressions(generator(0, name), many, 15, RHO)
        KNOWN[name] = [q.estimate for q in quantities(documents)]
    return [
        float(q.lower < true < q.upper)
        for q, true in zip(quantities(panel), KNOWN[name], strict=True)
    ]


def structure(rng: np.random.Generator, k: int) -> list[float]:
    """Intervals of V(1), V(2), V(4) and the nugget of thirty documents."""
    panel = autoregressions(rng, 30, 20, RHO)
    lags = lags_for(panel)
    found = structure_function(panel, lags, np.arange(30), 0.05).values
    truth = [1 - RHO**lag for lag in (1, 2, 4)] + [(1 - RHO) ** 2]
    place = [0, 1, 2, len(lags)]
    return ((found.lower[place] < truth) & (truth < found.upper[place])).astype(float).tolist()


def innovations(rng: np.random.Generator, k: int) -> list[float]:
    """Intervals of the correlation of white innovations at lag one."""
    owner = np.repeat(np.arange(30), 19)
    found = autocorrelation(rng.standard_normal(570), owner, owner, (1,), 0.05)
    return [float(found.lower[0] < 0 < found.upper[0])]


def correlation_times(rng: np.random.Generator, k: int, rho: float = RHO) -> list[float]:
    """Intervals of the integrated correlation time of an autoregression."""
    panel = autoregressions(rng, 60, 40, rho)
    found = correlation_time(panel, 0, np.arange(60), 0.05)
    return [float(found.lower[0] < (1 + rho) / (1 - rho) < found.upper[0])]


DESIGNS: dict[str, Callable[[np.random.Generator, int], list[float]]] = {
    "size: dynamics of single documents": single_documents,
    "size: any regime of single documents": regimes,
    "size: two-cycle, random order": two_cycle,
    "size: two-cycle, slow documents": persistent_two_cycle,
    "size: state dependence of the diffusion": constant_diffusion,
    "size: complexity of the text": complexity,
    "size: setting, within a path": setting_within,
    "size: setting, between replicates": setting_between,
    "size: moments of the true model": moments,
    "size: moments, documents fitted to": moments_of_its_own,
    "size: moments, states behind noise": moments_behind_noise,
    "size: spread of document means": document_means,
    "size: spread of document means, states behind noise": document_means_behind_noise,
    "size: first-passage times": first_passages,
    "signs of smoothing where there is none": signs,
    "coverage: structure function and nugget": structure,
    "coverage: correlation of innovations": innovations,
    "coverage: correlation time, 0.6": correlation_times,
    "coverage: correlation time, 0": partial(correlation_times, rho=0.0),
    "coverage: correlation time, 0.85": partial(correlation_times, rho=0.85),
    "coverage: correlation time, -0.3": partial(correlation_times, rho=-0.3),
    "coverage: first-passage time": passage_times,
    "coverage: recurrence": recurrences,
}


if __name__ == "__main__":
    main()
