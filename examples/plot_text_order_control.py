"""
Is it the order, or only the subject?
=====================================

Sentences of one document resemble each other because they share a subject, in
whatever order they stand. A linear drift fitted to embedded sentences finds
that resemblance and calls it mean reversion. The control: shuffle the sentences
inside each document, fit again, and see what is lost.
"""

import matplotlib.pyplot as plt

import stochtext as st

# %%
# Documents become trajectories
# -----------------------------
# One document, one trajectory; one sentence, one step. The default embedder is
# fitted to the corpus and needs no weights.

documents = st.datasets.load_sample_texts()
print(documents.metadata["group"].value_counts().to_string())

paths = st.text.TextTrajectories(n_components=1).fit_transform(documents)
print(paths)

# %%
# What the fit says
# -----------------
# Mean reversion, and a very significant one.

model = st.LinearSDE().fit(paths)
print(model.results_.summary())

# %%
# The control
# -----------
# The held-out R² of the linear drift, for the texts as written and with the
# sentences of each document shuffled. The difference is what order contributes.

control = st.analysis.order_control(paths, n_permutations=199, random_state=0)
print(control.summary())

# %%

figure, ax = plt.subplots(figsize=(6, 2.6), layout="constrained")
control.plot(ax=ax)

# %%
# A trap
# ------
# Let the projection look for slow directions, those in which each sentence
# resembles the next. On the documents that were searched, order now seems to
# matter ...

searched = st.text.TextTrajectories(n_components=2, projection="tica").fit_transform(documents)
seen = st.analysis.order_control(searched, n_permutations=199, random_state=0)

# %%
# ... and on documents that were not, it does not. With a few dozen documents
# such a search finds directions that are slow by chance. The control is fair only
# if the coordinates were not chosen by looking at the order of the same texts.

search = st.text.TextTrajectories(n_components=2, projection="tica").fit(documents[::2])
unseen = search.transform(documents[1::2])
fair = st.analysis.order_control(unseen, n_permutations=199, random_state=0)

figure, axes = plt.subplots(2, 1, figsize=(6, 5), sharex=True, layout="constrained")
for ax, result, title in zip(axes, (seen, fair), ("searched", "not searched"), strict=True):
    result.plot(ax=ax)
    ax.set_title(title)

# %%

for name, result in {"searched": seen, "not searched": fair}.items():
    print(name)
    print(result.to_frame().to_string(float_format="{:.3f}".format), end="\n\n")
