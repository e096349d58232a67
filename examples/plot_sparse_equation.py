"""
An equation from paths
======================

Twenty paths of a double well, and two ways to read its drift from them: a sparse
polynomial, which says which terms there are, and a Gaussian process, which assumes
no formula.
"""

import matplotlib.pyplot as plt
import numpy as np

import stochtext as st

truth = st.DoubleWell(alpha=1.0, beta=1.0, sigma=0.7)
paths = st.simulate(truth, 1.0, dt=0.01, n_steps=2000, n_paths=20, random_state=1)

# %%
# Of the six monomials up to degree five, two are kept.

sparse = st.SparseSDE(degree=5).fit(paths).results_
print(sparse.equation())

# %%
# The Gaussian process bends as far as the data ask for. Its band is a posterior one.

smooth = st.GaussianProcessSDE().fit(paths).results_

grid = np.linspace(-1.6, 1.6, 81)[:, None]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True, layout="constrained")
for ax, (name, results) in zip(axes, {"sparse": sparse, "GP": smooth}.items(), strict=True):
    curve = results.get_drift(grid)
    low, high = np.moveaxis(curve.conf_int()[:, 0], -1, 0)
    ax.fill_between(grid[:, 0], low, high, alpha=0.3)
    ax.plot(grid, curve.estimate, label=name)
    ax.plot(grid, truth.drift(grid), "k--", linewidth=1, label="truth")
    ax.set(xlabel="x", title=results.model)
    ax.legend()
axes[0].set_ylabel("drift b(x)")
