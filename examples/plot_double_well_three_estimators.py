"""
One drift, three estimators
===========================

A particle in a double well: the drift is :math:`x - x^3`, with stable points at
-1 and 1 and a barrier at 0. We simulate a panel of paths, forget the formula,
and let a neural network, a local-linear regression and the Kramers-Moyal
coefficients find it again.
"""

import matplotlib.pyplot as plt
import numpy as np

import stochtext as st

# %%
# Data with a known answer
# ------------------------
# Thirty paths from both sides of the barrier, observed every 0.02 units of
# time. Each observation interval is simulated in five smaller steps, so that the
# data are those of the continuous process and not of its discretisation.

truth = st.DoubleWell(alpha=1.0, beta=1.0, sigma=0.7)
starts = np.linspace(-1.5, 1.5, 30)[:, None]
paths = st.simulate(
    truth, x0=starts, dt=0.02, n_steps=500, n_paths=30, n_substeps=5, random_state=0
)
print(paths)

# %%
# Three fits
# ----------

estimators = {
    "kernel": st.KernelSDE(),
    "Kramers-Moyal": st.KramersMoyalSDE(),
    "neural": st.NeuralSDE(random_state=0),
}
for estimator in estimators.values():
    estimator.fit(paths)

print(estimators["kernel"].results_.summary())

# %%
# The curves
# ----------
# The grid covers the central 98 % of the data: beyond it no estimator can know
# the drift. Where an estimator has no honest standard error there is no band.

grid = np.linspace(*np.quantile(paths.values, [0.01, 0.99]), 121)[:, None]
figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True, layout="constrained")
for ax, (name, estimator) in zip(axes, estimators.items(), strict=True):
    curve = estimator.results_.get_drift(grid).summary_frame()
    mean, low, high = (
        curve[column].to_numpy() for column in ("mean", "mean_ci_lower", "mean_ci_upper")
    )
    ax.plot(grid[:, 0], truth.drift(grid)[:, 0], color="0.35", linestyle="--", label="truth")
    ax.plot(grid[:, 0], mean, color="tab:blue", label="estimate")
    ax.fill_between(grid[:, 0], low, high, color="tab:blue", alpha=0.25, label="95 % pointwise")
    ax.set(title=name, xlabel="x")
axes[0].set_ylabel("drift b(x)")
axes[0].legend(frameon=False)

# %%
# How far from the truth?
# -----------------------
# The error is weighted by where the process spends its time, relative to the
# size of the drift itself.

weight, _ = np.histogram(paths.values, bins=121, range=(grid[0, 0], grid[-1, 0]), density=True)
drift = truth.drift(grid)[:, 0]
for name, estimator in estimators.items():
    miss = estimator.predict_drift(grid)[:, 0] - drift
    print(f"{name:15} {np.sqrt(np.sum(weight * miss**2) / np.sum(weight * drift**2)):.3f}")
