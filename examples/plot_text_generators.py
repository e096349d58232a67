"""
Several generators on the same prompts
======================================

Three generators answer the same prompts, several times each. They are built here
from the sentences of the bundled texts, so that what they do is known: one samples
sentences at random, one walks from each sentence to a similar one, one follows the
plan of an article. Do the trajectories tell?
"""

import numpy as np

import stochtext as st
from stochtext.text import LsaEmbedder, split_sentences

# %%
# Generators whose workings are known
# -----------------------------------

documents = st.datasets.load_sample_texts()
articles = documents[(documents.metadata["group"] == "steady").to_numpy()]
split = [split_sentences(text) for text in articles]
sentences = [sentence for article in split for sentence in article]
place = np.concatenate([np.linspace(0, 1, len(article)) for article in split])

embedder = LsaEmbedder().fit(sentences)
states = np.asarray(embedder.encode(sentences))
states /= np.linalg.norm(states, axis=1, keepdims=True)
likeness = states @ states.T
LENGTH = 16


def at_random(prompt, rng):
    """Sample sentences, whatever came before."""
    return [prompt, *rng.choice(len(sentences), LENGTH - 1)]


def walk(prompt, rng, temperature=0.1):
    """Go to a sentence that resembles the last one and was not said yet."""
    path = [prompt]
    while len(path) < LENGTH:
        score = likeness[path[-1]] / temperature
        score[path] = -np.inf
        weight = np.exp(score - score.max())
        path.append(rng.choice(len(sentences), p=weight / weight.sum()))
    return path


def plan(prompt, rng):
    """Take at each position a sentence that some article has there."""
    path = [prompt]
    for u in np.linspace(0, 1, LENGTH)[1:]:
        near = np.argsort(np.abs(place - u))[:20]
        path.append(rng.choice(near))
    return path


# %%
# Twelve prompts, three replicates of each generator. The prompt is the group: what
# replicates have in common is not evidence about the generator.

generators = {"at random": at_random, "walk": walk, "plan": plan}
rng = np.random.default_rng(0)
prompts = rng.choice(len(sentences), 12, replace=False)
answers, known = [], []
for name, generate in generators.items():
    for prompt in prompts:
        for replicate in range(3):
            answers.append([sentences[k] for k in generate(prompt, rng)])
            known.append({"generator": name, "prompt": int(prompt), "replicate": replicate})

texts = st.text.Documents([" ".join(answer) for answer in answers], metadata=known)
front = st.text.TextTrajectories(embedder=embedder, n_components=1, groups="prompt", cache=False)
paths = front.fit_transform(texts)
print(paths)

# %%
# What each generator does
# ------------------------
# Is there order in the answers at all, beyond the level that each prompt sets? (The
# adequacy page says more, and takes longer.)

for name in generators:
    own = paths[(paths.metadata["generator"] == name).to_numpy()]
    control = st.analysis.order_control(own, n_permutations=199, random_state=0)
    print(f"{name}: {control.verdict()}")

# %%
# The same generator at several temperatures
# ------------------------------------------
# The walk is a sampler with a temperature. What it does to the path, and what it does
# to the ensemble of answers to one prompt, are two questions.

settings = [0.05, 0.1, 0.2, 0.4]
cooled, known = [], []
for temperature in settings:
    for prompt in prompts:
        for _ in range(3):
            path = walk(prompt, rng, temperature)
            cooled.append(states[path])
            known.append({"temperature": temperature, "prompt": int(prompt)})

panel = st.Trajectories(cooled, metadata=known, groups=[k["prompt"] for k in known])
found = st.analysis.setting_analysis(panel, "temperature", n_permutations=199, random_state=0)
print(found.verdict())
found.plot()

# %%
# With generators that one cannot look into, only the second kind of number isolates
# sampling: within one path, the change from sentence to sentence is content as well.

model = st.LinearSDE().fit(paths)
moments = st.analysis.moment_analysis(model, paths, n_simulations=39, random_state=0)
print(moments.to_frame().loc["Where the variance lies (trace over coordinates)"].to_string())
