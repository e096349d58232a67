"""
An agent that rewrites its own output
=====================================

A loop feeds a generator what it wrote last: a paraphraser, an agent that
corrects itself, a summary of a summary. Does it settle, go around in circles,
or wander off? The outputs are turns, and the turns are a trajectory.
"""

import matplotlib.pyplot as plt
import numpy as np

import stochtext as st

# %%
# Three rewriters
# ---------------
# In a study ``step`` calls a model. Here three rules play the agent: one polishes
# towards a favourite text, one translates back and forth (its other language has
# the letters of every word reversed), one takes up a new sentence each time.

documents = st.datasets.load_sample_texts()
sentences = [s for text in documents.texts for s in st.text.split_sentences(text)]
favourite = documents.texts[0]


def polish(text, rng):
    """Replace one sentence by one of the favourite text."""
    parts = st.text.split_sentences(text)
    parts[rng.integers(len(parts))] = rng.choice(st.text.split_sentences(favourite)[:6])
    return " ".join(parts)


def translate(text, rng):
    """Write every word backwards, now and then losing one."""
    words = [word[::-1] for word in text.split()]
    if len(words) > 20 and rng.random() < 0.5:
        del words[rng.integers(len(words))]
    return " ".join(words)


def wander(text, rng):
    """Drop the first sentence and add any other."""
    return " ".join([*st.text.split_sentences(text)[1:], rng.choice(sentences)])


starts = {
    f"start {k}": " ".join(st.text.split_sentences(documents.texts[k])[:6]) for k in (3, 8, 14, 20)
}
loops = {
    name: st.text.record_loop(step, starts, n_steps=30, n_replicates=3, random_state=0)
    for name, step in {"polish": polish, "translate": translate, "wander": wander}.items()
}
print(loops["polish"])

# %%
# Outputs to trajectories
# -----------------------
# One turn is one step. Coordinates are learned from all loops together, so that
# the three can be compared. ``wander`` keeps five of six sentences from turn to
# turn. Material that neighbours share makes any sequence look continuous: of
# windows cut from a text that is an artefact, here it is what the agent does.
# Words that most turns share matter in a loop, so the embedder keeps them.

front = st.text.TextTrajectories(st.text.LsaEmbedder(max_df=1.0), unit="turn", n_components=2)
everything = st.text.Documents.from_turns(
    [turns for loop in loops.values() for turns in loop.turns],
    {"rule": np.repeat(list(loops), 12)},
)
panel = front.fit_transform(everything)
rule = panel.metadata["rule"].to_numpy()

# %%
# Settling, circling, wandering
# -----------------------------
# How far a turn is from the one before and from the one before that, and how far
# the loops of a rule are from one another at the end. Two steps that are shorter
# than one are a circle of two.

for name in loops:
    paths = panel[rule == name].to_array()
    one = np.linalg.norm(np.diff(paths, axis=1), axis=2).mean(axis=1)
    two = np.linalg.norm(paths[:, 2:] - paths[:, :-2], axis=2).mean(axis=1)
    spread = paths[:, -5:].std(axis=0).mean()
    print(
        f"{name:9s} one step {one.mean():.3f} ± {one.std(ddof=1) / np.sqrt(len(one)):.3f}, "
        f"two steps {two.mean():.3f} ± {two.std(ddof=1) / np.sqrt(len(two)):.3f}, "
        f"spread of the loops at the end {spread:.3f}"
    )

# %%

figure, axes = plt.subplots(1, 3, figsize=(9, 3), sharex=True, sharey=True, layout="constrained")
for ax, name in zip(axes, loops, strict=True):
    for path in panel[rule == name].arrays():
        ax.plot(path[:, 0], path[:, 1], lw=0.7, alpha=0.7)
        ax.plot(*path[-1], "k.", ms=4)
    ax.set(title=name, xlabel=panel.columns[0])
axes[0].set_ylabel(panel.columns[1])

# %%
# The drift of the loop
# ---------------------
# A linear drift gives the point that the polisher is drawn to and how fast, with
# intervals clustered by loop.

model = st.LinearSDE().fit(panel[rule == "polish"])
print(model.results_.summary())
