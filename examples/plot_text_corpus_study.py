"""
A study of a corpus
===================

From documents to the five analyses, in the order in which they should be read:
first whether there is anything to fit, then the fit, then moments, predictions,
fields, process properties and phase space, each beside its control.
"""

import tempfile
from pathlib import Path

import stochtext as st

# %%
# Documents
# ---------
# Two groups of the bundled texts: articles that follow a common plan, and texts
# that lose their subject. Half of the documents are for fitting, the others are
# judged; the projection is fitted on the first half only.

documents = st.datasets.load_sample_texts()
chosen = documents[documents.metadata["group"].isin(["steady", "drifting"]).to_numpy()]
fitted, judged = chosen[::2], chosen[1::2]

front = st.text.TextTrajectories(n_components=2).fit(fitted)
train, test = front.transform(fitted), front.transform(judged)
print(test)

# %%
# Is there anything to fit?
# -------------------------
# The adequacy page comes first. With forty short texts and an embedding fitted to
# them, the answer may well be no; then everything below describes levels and noise.

page = st.analysis.adequacy(train, test, n_permutations=199, random_state=0)
print(page.kind)
print(page.verdict())
page.plot()

# %%
# Every number has its interval and its control.

print(page.to_frame().loc["Structure function"].to_string(float_format="{:.2f}".format))

# %%
# The fit
# -------
# A process whose mean moves with the position in the document, observed with noise.

model = st.LinearSDE(trend="linear", observation_noise="diagonal").fit(train)

# %%
# The five analyses
# -----------------
# On the documents that were not fitted. The texts themselves are passed on, so that
# errors can be held against the complexity of what was written.

five = st.analysis.analyze(
    model, test, random_state=0, options={"trajectories": {"texts": front.segment(judged)}}
)
print(five.verdict())

# %%
# Moments over the document, with the band of simulated documents.

five["moments"].plot()

# %%
# Predicted and actual: accuracy falls with the horizon, coverage should not.

five["trajectories"].plot()

# %%
# Where the drift points, and where it vanishes.

ax = five["phase_space"].plot()

# %%
# One page for the reader
# -----------------------

with tempfile.TemporaryDirectory() as folder:
    target = Path(folder) / "corpus.html"
    path = st.report({"Is there anything to fit?": page, **five}, target, title="A corpus")
    print(path.name, path.stat().st_size // 1000, "kB")
