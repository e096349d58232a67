"""
What follows from a fitted drift
================================

Fixed points, barriers, the stationary density and passage times of a double
well, each with its interval: from the parameters of the right model, and from a
kernel fit that knows nothing of wells.
"""

import matplotlib.pyplot as plt
import numpy as np

import stochtext as st

truth = st.DoubleWell(alpha=1.0, beta=1.0, sigma=0.7)
path = st.simulate(truth, 1.0, dt=0.1, n_steps=4000, n_substeps=5, random_state=1)

named = st.ParametricSDE(st.DoubleWell(), density="shoji_ozaki").fit(path).results_
kernel = st.KernelSDE().fit(path).results_

# %%
# Where it rests
# --------------
# The top of the barrier is at zero whatever the parameters: that has no error, and
# the table says so.

print(named.fixed_points())

# %%

print(kernel.fixed_points(n_draws=100))

# %%
# The density and the potential
# -----------------------------

x = np.linspace(-1.7, 1.7, 61)[:, None]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for results, name in ((named, "parameters"), (kernel, "kernel")):
    for ax, table, column in zip(
        axes,
        (results.stationary_density(x, n_draws=100), results.potential(x, n_draws=100)),
        ("density", "potential"),
        strict=True,
    ):
        frame = table.to_frame()
        (line,) = ax.plot(x[:, 0], frame[column], label=name)
        ax.fill_between(x[:, 0], frame["lower"], frame["upper"], color=line.get_color(), alpha=0.2)
        ax.set(xlabel="x", ylabel=column)
axes[0].legend()

# %%
# How long until it crosses
# -------------------------

print(named.mean_first_passage([[-1.0]], 1.0))

# %%
# A forecast
# ----------
# Twenty steps ahead from both wells: the interval of the state, and the much
# narrower one of its mean.

forecast = named.get_prediction([[-1.0], [0.2]], horizons=range(1, 21), random_state=0)
figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
steps = np.array(forecast.horizons)
for k, start in enumerate((-1.0, 0.2)):
    (line,) = ax.plot(steps, forecast.mean[k, :, 0], label=f"from {start}")
    for kind, alpha in (("obs", 0.15), ("mean", 0.4)):
        low, high = forecast.conf_int(kind=kind)[k, :, 0].T
        ax.fill_between(steps, low, high, color=line.get_color(), alpha=alpha)
ax.set(xlabel="steps ahead", ylabel="x")
ax.legend()
plt.show()
