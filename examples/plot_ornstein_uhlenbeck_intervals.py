"""
Intervals from an irregular panel
=================================

Thirty short paths of an Ornstein-Uhlenbeck process, each observed at its own
random times. The exact likelihood needs no regular grid, and the standard
errors are clustered by trajectory.
"""

import matplotlib.pyplot as plt
import numpy as np

import stochtext as st

# %%
# A panel with irregular times
# ----------------------------
# A fine simulation is thinned: each path keeps its first state and a random
# eighth of the others.

truth = st.OrnsteinUhlenbeck(kappa=1.2, mu=0.5, sigma=0.8)
fine = st.simulate(truth, x0=[0.5], dt=0.02, n_steps=1200, n_paths=30, random_state=3)

rng = np.random.default_rng(3)
values, times = [], []
for states, clock in zip(fine.arrays(), fine.time_arrays(), strict=True):
    kept = np.append(0, np.flatnonzero(rng.random(len(states) - 1) < 1 / 8) + 1)
    values.append(states[kept])
    times.append(clock[kept])
panel = st.Trajectories(values, times=times)
print(panel)

# %%
# Two estimators, one likelihood
# ------------------------------
# :class:`~stochtext.LinearSDE` needs no formula; for a process written down by
# name there is :class:`~stochtext.ParametricSDE`. In one dimension, with a
# constant mean, they maximise the same exact likelihood.

linear = st.LinearSDE(trend="constant").fit(panel)
print(linear.results_.summary())

# %%

named = st.ParametricSDE(st.OrnsteinUhlenbeck(), density="exact").fit(panel)
print(named.results_.summary())

# %%
# What the discretisation costs
# -----------------------------
# The Euler density treats the drift as constant between two observations. It
# reports a slower return to the mean, and a smaller diffusion, than there was.

euler = st.ParametricSDE(st.OrnsteinUhlenbeck(), density="euler").fit(panel)

figure, axes = plt.subplots(1, 3, figsize=(9, 2.6), layout="constrained")
for ax, (name, value) in zip(axes, truth.params.items(), strict=True):
    for row, (label, fit) in enumerate({"exact": named, "Euler": euler}.items()):
        position = list(fit.results_.params.index).index(name)
        estimate = fit.results_.params.iloc[position]
        low, high = fit.results_.conf_int().iloc[position]
        ax.errorbar(
            [estimate], [row], xerr=[[estimate - low], [high - estimate]], fmt="o", label=label
        )
    ax.axvline(float(np.squeeze(value)), color="0.35", linestyle="--")
    ax.set(title=name, yticks=[0, 1], yticklabels=["exact", "Euler"], ylim=(-0.6, 1.6))
figure.suptitle("Estimates and 95 % intervals; dashed: truth")
