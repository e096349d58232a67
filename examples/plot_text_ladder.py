"""
The ladder on text
==================

From a plain mean reversion to a network that knows the position in the text: which
model predicts the next sentence of documents that it has not seen? The unit is nats
per sentence, and a model may lose.
"""

import matplotlib.pyplot as plt

import stochtext as st

# %%
# Documents
# ---------
# The bundled articles follow a common plan, so that the position should matter.

documents = st.datasets.load_sample_texts()
articles = documents[(documents.metadata["group"] == "steady").to_numpy()]
paths = st.text.TextTrajectories(n_components=1).fit_transform(articles)
print(paths)

# %%
# The rungs
# ---------
# Each has something that another lacks: observation noise, a mean that moves with the
# position, a drift of any shape, or all of it in a network.

ladder = {
    "OU": st.LinearSDE(),
    "OU + noise": st.LinearSDE(observation_noise="diagonal"),
    "position-OU + noise": st.LinearSDE(trend="linear", observation_noise="diagonal"),
    "kernel": st.KernelSDE(),
    "Kramers-Moyal": st.KramersMoyalSDE(),
    "neural with u": st.NeuralSDE((8,), (4,), time="relative", n_starts=2, random_state=0),
}
comparison = st.compare(ladder, paths, cv=3, random_state=0)
print(comparison.summary())

# %%

figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
comparison.plot(ax=ax)

# %%
# ``st.analysis.adequacy`` climbs further rungs (the level of the document, the mean so
# far) and shows what each is worth when the sentences stand in random order.
