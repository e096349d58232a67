"""
Which scheme for which accuracy?
================================

A work-precision diagram: how far the simulated path is from the true one, against
what the scheme had to compute. All schemes follow the same Brownian paths, so
the whole distance is the error of the scheme.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

import stochtext as st

SUBSTEPS = np.array([4, 8, 16, 32, 64, 128])
N_PATHS = 2000


def end_points(process, scheme, n_substeps, n_paths=N_PATHS):
    """One step of the grid from 1, cut into substeps that see the same Brownian path."""
    paths = st.simulate(
        process, 1.0, dt=1.0, n_steps=1, n_paths=n_paths, scheme=scheme,
        n_substeps=n_substeps, random_state=0,
    )  # fmt: skip
    return paths.to_array()[:, -1, 0]


def errors(process, scheme, truth):
    """Mean distance from the true end points, for each number of substeps."""
    return np.array([np.abs(end_points(process, scheme, int(n)) - truth).mean() for n in SUBSTEPS])


# %%
# Noise that depends on the state
# -------------------------------
# Geometric Brownian motion has a solution in closed form, and the scheme
# ``"exact"`` takes it along the Brownian path of the other schemes.
#
# The cost of a step is the number of coefficient evaluations: drift, diffusion,
# and for Milstein's scheme the derivative that it multiplies. That number is the
# same on every machine.

growth = st.GeometricBrownianMotion(mu=0.5, sigma=0.8)
solution = end_points(growth, "exact", 1)
multiplicative = {
    (name, cost): errors(growth, name, solution)
    for name, cost in {"euler": 2, "milstein": 3, "srk": 6}.items()
}

# %%
# Noise that does not
# -------------------
# A periodically forced double well has no solution in closed form. Each scheme
# is compared with itself at many more substeps: between the times of the grid,
# ``"srk"`` cuts the Brownian path together with its integral, and sees other
# pieces than Euler's scheme.

forced_well = st.SDE(
    lambda t, x: x - x**3 + 0.5 * np.sin(2.0 * np.pi * t), lambda t, x: 0.7, noise="additive"
)
additive = {
    (name, cost): errors(forced_well, name, end_points(forced_well, name, 4096))
    for name, cost in {"euler": 2, "srk": 4}.items()
}

# %%
# The diagram
# -----------

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
colours = {"euler": "tab:blue", "milstein": "tab:orange", "srk": "tab:green"}
panels = {"geometric Brownian motion": multiplicative, "forced double well": additive}
for ax, (title, found) in zip(axes, panels.items(), strict=True):
    for (name, cost), error in found.items():
        slope = -np.polyfit(np.log(SUBSTEPS), np.log(error), 1)[0]
        label = f"{name}, slope {slope:.1f}"
        ax.loglog(cost * SUBSTEPS, error, "o-", color=colours[name], label=label)
    ax.set(title=title, xlabel="coefficient evaluations")
    ax.legend(frameon=False)
axes[0].set_ylabel("mean absolute error at time 1")

# %%
# Go along the error that you can bear: on the left an error of 0.05 costs Euler's
# scheme 250 evaluations, Milstein's 35 and ``"srk"`` fewer than 24; on the right,
# where Euler's scheme has order 1 already, 0.0025 costs it 250 and ``"srk"`` 64.

# %%
# Time
# ----
# Part of a step is the same for all schemes, the noise above all; a scheme with
# three times as many evaluations therefore takes less than three times as long.
# These numbers depend on the machine.

for name in ("euler", "milstein", "srk"):
    start = time.process_time()
    end_points(growth, name, 256, n_paths=20_000)
    spent = time.process_time() - start
    print(f"{name:9} {spent / (20_000 * 256) * 1e9:5.1f} ns a step and path")
