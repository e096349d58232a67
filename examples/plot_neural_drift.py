"""
A neural fit beside the classical ones
======================================

``NeuralSDE`` is fitted like any other estimator. We look at its drift with the band, at where the
data are, and at what a line and a local regression make of the same paths.
"""

import matplotlib.pyplot as plt
import numpy as np

import stochtext as st

# %%
# Data with a known answer
# ------------------------
# Forty paths in a double well, observed every .04 units of time: a third of the time that a
# particle needs to relax within a well. Estimators that take one observation interval for one
# small step are wrong here.

truth = st.DoubleWell(4.0, 4.0, 1.0)
starts = np.where(np.arange(40) % 2, 1.0, -1.0)[:, None]
paths = st.simulate(truth, starts, dt=0.04, n_steps=100, n_substeps=20, random_state=0)

model = st.NeuralSDE(n_starts=3, random_state=0).fit(paths)
print(model.results_.summary())

# %%
# Drift with band, data and classical fits
# ----------------------------------------

grid = np.linspace(*np.quantile(paths.values, [0.01, 0.99]), 121)[:, None]
classical = {"local linear": st.KernelSDE(), "linear": st.LinearSDE()}
figure, (ax, below) = plt.subplots(
    2, 1, figsize=(7, 5), sharex=True, height_ratios=(4, 1), layout="constrained"
)
band = model.results_.get_drift(grid).summary_frame()
low, high = (band[name].to_numpy() for name in ("mean_ci_lower", "mean_ci_upper"))
ax.plot(grid[:, 0], truth.drift(grid)[:, 0], color="0.35", linestyle="--", label="truth")
ax.plot(grid[:, 0], band["mean"].to_numpy(), color="tab:blue", label="neural")
ax.fill_between(grid[:, 0], low, high, color="tab:blue", alpha=0.25, label="95 % pointwise")
for color, (name, estimator) in zip(("tab:orange", "tab:green"), classical.items(), strict=True):
    curve = estimator.fit(paths).predict_drift(grid)[:, 0]
    ax.plot(grid[:, 0], curve, color=color, label=name)
ax.set_ylabel("drift b(x)")
ax.legend(frameon=False)
below.hist(paths.values[:, 0], bins=60, color="0.7")
below.set(xlabel="x", ylabel="data")

# %%
# How far from the truth?
# -----------------------
# Root mean square over the observed states, and the mean log density of paths that no fit has seen.

new = st.simulate(truth, starts[:10], dt=0.04, n_steps=100, n_substeps=20, random_state=99)
for name, estimator in {"neural": model, **classical}.items():
    miss = estimator.predict_drift(grid) - truth.drift(grid)
    print(f"{name:13} {np.sqrt(np.mean(miss**2)):.3f}   {estimator.score(new):.4f}")
