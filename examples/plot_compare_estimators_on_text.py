"""
Which model predicts the next sentence?
=======================================

Four models of the same texts, scored on documents that they have not seen. The
score is the log density of the next sentence's embedding; differences are
tested with clustering by document.
"""

import matplotlib.pyplot as plt
import numpy as np

import stochtext as st

documents = st.datasets.load_sample_texts()
paths = st.text.TextTrajectories(n_components=1).fit_transform(documents)

# %%
# The candidates
# --------------
# Each one relaxes an assumption of the one before: a constant mean, a mean that
# moves with the position in the document, a smooth drift of any shape, a
# network for drift and diffusion.

candidates = {
    "constant mean": st.LinearSDE(trend="constant"),
    "moving mean": st.LinearSDE(trend="linear"),
    "kernel": st.KernelSDE(),
    "neural": st.NeuralSDE(random_state=0),
}

# %%
# Held-out scores
# ---------------
# Folds of whole documents. An interval of the difference that covers zero is no
# reason to prefer the more complicated model.

comparison = st.compare(candidates, paths, cv=3, random_state=0)
print(comparison.summary())

# %%

figure, ax = plt.subplots(figsize=(6, 2.6), layout="constrained")
comparison.plot(ax=ax)

# %%
# What they see
# -------------
# The dots are the sentences: where each one stands, and how far it is to the
# next. A linear model expects a pull towards one level; the kernel regression
# is free to expect more, and finds the same.

transitions = paths.transitions()
grid = np.linspace(*np.quantile(paths.values, [0.02, 0.98]), 81)[:, None]

figure, ax = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
ax.scatter(transitions.x, transitions.x_next - transitions.x, s=4, color="0.75")
for name in ("constant mean", "kernel"):
    fitted = candidates[name].fit(paths)
    ax.plot(grid, fitted.predict(grid) - grid, label=f"expected, {name}")
ax.axhline(0.0, color="0.35", linewidth=0.8)
ax.set(xlabel=paths.columns[0], ylabel="step to the next sentence")
ax.legend(frameon=False)
