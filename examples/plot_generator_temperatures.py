"""
One generator at several temperatures
=====================================

A small language model of GPT-2's architecture is trained here, in seconds, on
the bundled texts. It writes nonsense, but its sampling noise is that of any
language model. Does the diffusion of its hidden states follow the temperature
at which tokens are drawn?
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy import stats
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel

import stochtext as st

# %%
# A model of one's own
# --------------------
# In a study this is ``AutoModelForCausalLM.from_pretrained(...)``.

texts = st.datasets.load_sample_texts().texts
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=400, show_progress=False))
tokens = np.concatenate([tokenizer.encode(text).ids for text in texts])

config = GPT2Config(
    vocab_size=400, n_positions=128, n_embd=64, n_layer=2, n_head=2, resid_pdrop=0.0,
    embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0, loss_type="ForCausalLM",
)  # fmt: skip
with torch.random.fork_rng():
    torch.manual_seed(0)
    model = GPT2LMHeadModel(config)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
rng = np.random.default_rng(0)
for _ in range(80):
    starts = rng.integers(0, len(tokens) - 64, 12)
    rows = torch.tensor(np.stack([tokens[k : k + 64] for k in starts]))
    loss = model(rows, labels=rows).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
print(f"{sum(p.numel() for p in model.parameters()):,} parameters, loss {loss.detach().item():.2f}")

# %%
# Record
# ------
# The same beginnings at every temperature, three replicates of each, random
# numbers of their own. A state is the hidden state that a token is drawn from;
# surprisal, entropy and margin come along.

temperatures = (0.3, 0.6, 1.0)
beginnings = [tokens[k : k + 8].tolist() for k in rng.integers(0, len(tokens) - 8, 8)]
recorded = st.text.record_generation(
    model, tokenizer, beginnings, settings=temperatures, n_replicates=3, max_new_tokens=60,
    stop=False, batch_size=72, random_state=1,
)  # fmt: skip
print(recorded)

# %%
# What one step leaves open
# -------------------------
# The coordinates are eight principal components of all temperatures together.
# For each temperature a linear drift predicts the next state; what it does not
# predict is the diffusion per token. Nothing is smoothed: an average over
# tokens would remove the very thing that is measured.

names = list(recorded.columns)
hidden = recorded.with_values(recorded.values[:, [n.startswith("h") for n in names]])
states = st.TrajectoryPCA(n_components=8).fit_transform(hidden)
temperature = recorded.metadata["temperature"].to_numpy()


def left_open(panel):
    """Return squared errors of a linear prediction, one mean a trajectory."""
    step = panel.transitions()
    design = np.column_stack([np.ones(len(step.x)), step.x])
    rest = step.x_next - design @ np.linalg.lstsq(design, step.x_next, rcond=None)[0]
    squares = np.square(rest).sum(axis=1)
    return np.bincount(step.trajectory, squares) / np.bincount(step.trajectory)


def with_interval(values):
    """Return the mean with its 95 % interval."""
    reach = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return values.mean(), reach


surprisal = recorded.with_values(recorded.values[:, [names.index("surprisal")]])
rows = [np.flatnonzero(temperature == t) for t in temperatures]
for t, chosen in zip(temperatures, rows, strict=True):
    diffusion, reach = with_interval(left_open(states[chosen]))
    total = states[chosen].values.var(axis=0).sum()
    print(
        f"T = {t}: diffusion {diffusion:.1f} ± {reach:.1f} per token, "
        f"R² of one step {1 - diffusion / total:.2f}"
    )

# %%

figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
for ax, panel, title in zip(axes, (states, surprisal), ("hidden states", "surprisal"), strict=True):
    found = np.array([with_interval(left_open(panel[chosen])) for chosen in rows])
    ax.errorbar(temperatures, found[:, 0], yerr=found[:, 1], marker="o", capsize=3)
    ax.set(title=title, xlabel="temperature", ylabel="left open by one step", ylim=(0, None))

# %%
# Within paths and between replicates
# -----------------------------------
# A path mixes content and chance. What chance alone adds is seen between
# replicates: the same beginning, continued several times.

prompt = recorded.metadata["prompt_id"].to_numpy()
paths = states.to_array()
for t, chosen in zip(temperatures, rows, strict=True):
    between = np.array(
        [
            paths[chosen[prompt[chosen] == p]].var(axis=0, ddof=1).sum(axis=-1).mean()
            for p in range(len(beginnings))
        ]
    )
    variance, reach = with_interval(between)
    print(f"T = {t}: variance between replicates {variance:.1f} ± {reach:.1f}")
