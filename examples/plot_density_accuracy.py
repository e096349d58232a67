"""
Which transition density for which step?
========================================

A likelihood is built from the density of one step, and for most processes that density is an
approximation. Here two processes are looked at of which the true one is known: how far is each
approximation from it, for short and for long steps?
"""

import matplotlib.pyplot as plt
import numpy as np

import stochtext as st
from stochtext.transitions import transition_density

STEPS = np.geomspace(0.01, 1.0, 7)
N_ROWS = 1000

rates = st.CoxIngersollRoss(kappa=0.8, mu=1.0, sigma=0.4)
well = st.DoubleWell(alpha=1.0, beta=1.0, sigma=0.7)

# %%
# Steps of the true law
# ---------------------
# Every path forgets its start in the first step of the grid; the second step is the one that is
# weighed. The square-root process has an exact scheme and an exact density. The double well is
# simulated with a fine step, and ``"spectral"`` expands its density in eigenfunctions, to ten
# digits and more.


def steps_of(process, dt, **options):
    """States of the stationary law, and where one step of length dt takes them."""
    start = st.simulate(
        process, 1.0, dt=20.0, n_steps=1, n_paths=N_ROWS, random_state=0,
        **({"n_substeps": 2000} | options),
    ).to_array()[:, -1]  # fmt: skip
    paths = st.simulate(
        process, start, dt=dt, n_steps=1, n_paths=N_ROWS, random_state=1,
        **({"n_substeps": int(np.ceil(dt / 0.005))} | options),
    )  # fmt: skip
    return start, paths.to_array()[:, -1]


def errors(process, names, truth, **options):
    """Root mean square error of log p, NaN where a row has no density, for each step length."""
    found = {name: [] for name in names}
    for dt in STEPS:
        x, y = steps_of(process, dt, **options)
        true = transition_density(truth).log_density(process, x, y, 0.0, dt)
        for name in names:
            kind, _, order = name.partition(" ")
            density = transition_density(kind, **({"order": int(order)} if order else {}))
            rows = density.log_density(process, x, y, 0.0, dt)
            undefined = np.count_nonzero(~np.isfinite(rows))
            if undefined:
                print(f"{name}: {undefined} of {N_ROWS} rows without a density at dt = {dt:.2g}")
            with np.errstate(invalid="ignore"):
                found[name].append(np.sqrt(np.mean((rows - true) ** 2)))
    return found


names = ["euler", "elerian", "kessler", "shoji_ozaki", "hermite 1", "hermite 2", "hermite 3"]
square_root = errors(rates, names, "exact", scheme="exact", n_substeps=1)
double_well = errors(
    well, [*names[:1], *names[2:4], "strang", *names[4:]], "spectral", scheme="euler"
)

# %%
# A curve ends where a step has no density: Kessler's expansion of the variance is negative there,
# the splitting cannot have come from that state, or the terms of the Hermite expansion grow. Those
# rows were counted above; leaving them out would flatter the density that fails.

# %%
# The curves
# ----------

figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
colours = dict(zip([*names, "strang"], plt.get_cmap("tab10").colors, strict=False))
panels = {"square-root process": square_root, "double well": double_well}
for ax, (title, found) in zip(axes, panels.items(), strict=True):
    for name, error in found.items():
        error = np.array(error)
        used = np.isfinite(error) & (STEPS < 0.11)
        order = np.polyfit(np.log(STEPS[used]), np.log(error[used]), 1)[0]
        shown = np.where(np.isfinite(error), error, np.nan)
        ax.loglog(STEPS, shown, "o-", color=colours[name], label=f"{name}, order {order:.1f}")
    ax.set(title=title, xlabel="dt")
    ax.legend(frameon=False, fontsize="small")
axes[0].set_ylabel("root mean square error of log p")

# %%
# On the left the noise depends on the state, and a step of finite length is skewed: no Gaussian
# density has that, and Euler's, Kessler's and Shoji and Ozaki's errors all fall with the square
# root of dt. Elerian's density has the skewness to first order. On the right the noise is
# constant: Euler's error is that of its variance, of order 1; the others have that right, and
# their error of order 1.5 is the skewness. The Hermite expansion of order K falls with dt to the
# power K + 1 in both, until the step is so long that it has no density.
#
# How much is too much? A density that integrates to one loses about half the squared error of log p
# a row: with an error of 0.1 that is one unit of log likelihood in 200 rows.
