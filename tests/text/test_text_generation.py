"""Recording generation: a small GPT-2 trained here, and models that are not what is needed."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel

from stochtext._shared.exceptions import InputError, ResourceLimitError, StochtextWarning
from stochtext.datasets import load_sample_texts
from stochtext.text import (
    Decoding,
    Documents,
    TextTrajectories,
    decoding_grid,
    from_generate_output,
    from_hidden_states,
    from_logprobs,
    record_generation,
    record_loop,
)
from stochtext.text.generation.sampling import draw_tokens, measure, uniforms
from stochtext.trajectories import TrajectoryPCA

CONTEXT = 96


@pytest.fixture(scope="module")
def small():
    """Return a model of 60,000 parameters, its tokenizer and its text in tokens."""
    texts = load_sample_texts().texts
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=300, special_tokens=["<s>"], show_progress=False)
    )
    tokens = np.concatenate([tokenizer.encode(text).ids for text in texts])
    config = GPT2Config(
        vocab_size=300, n_positions=CONTEXT, n_embd=48, n_layer=2, n_head=2,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0,
        loss_type="ForCausalLM",
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    rng = np.random.default_rng(0)
    for _ in range(60):
        rows = np.stack([tokens[k : k + 48] for k in rng.integers(0, len(tokens) - 48, 12)])
        rows = torch.tensor(rows)
        model(rows, labels=rows).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return SimpleNamespace(model=model.eval(), tokenizer=tokenizer, tokens=tokens.tolist())


def record(small, prompts, **options):
    options = {"max_new_tokens": 12, "stop": False, **options}
    return record_generation(small.model, small.tokenizer, prompts, **options)


def by_column(panel, name):
    return panel.values[:, panel.columns.index(name)]


def test_states_and_measures_are_those_of_one_reading_of_the_whole_text(small):
    prompts = ["The boats", "A long winter of"]
    panel = record(small, prompts, settings=[0.8], layers="all")
    assert panel.n_trajectories == 2
    assert panel.lengths.tolist() == [12, 12]
    for k, prompt in enumerate(prompts):
        start = small.tokenizer.encode(prompt).ids
        written = small.tokenizer.encode(panel.metadata["text"].iloc[k]).ids
        # The written tokens, which the tokenizer might cut otherwise, are told by the surprisal.
        generated = _tokens_of(small, start, panel.arrays()[k], panel.columns)
        whole = torch.tensor([start + generated])
        with torch.no_grad():
            output = small.model(whole, output_hidden_states=True)
        rows = slice(len(start) - 1, len(start) + 11)
        expected = np.concatenate([h[0, rows].numpy() for h in output.hidden_states], axis=1)
        got = panel.arrays()[k][:, : expected.shape[1]]
        np.testing.assert_allclose(got, expected, atol=2e-4)
        log_p = torch.log_softmax(output.logits[0, rows].double(), dim=1).numpy()
        entropy = -(np.exp(log_p) * log_p).sum(axis=1)
        best = np.sort(log_p, axis=1)
        measures = panel.arrays()[k][:, -3:]
        np.testing.assert_allclose(measures[:, 1], entropy, atol=1e-4)
        np.testing.assert_allclose(measures[:, 2], best[:, -1] - best[:, -2], atol=1e-4)
        np.testing.assert_allclose(measures[:, 0], -log_p[np.arange(12), generated], atol=1e-4)
        assert len(written) > 0
    assert panel.columns[:2] == ("layer0_h1", "layer0_h2")
    assert panel.metadata["prompt"].tolist() == prompts
    assert panel.groups.tolist() == [0, 1]


def _tokens_of(small, start, states, columns):
    """Return the tokens whose surprisals were recorded, one after the other."""
    surprisal = states[:, columns.index("surprisal")]
    found = list(start)
    for value in surprisal:
        with torch.no_grad():
            logits = small.model(torch.tensor([found])).logits[0, -1].double()
        found.append(int(torch.argmin((torch.log_softmax(logits, 0) + value).abs())))
    return found[len(start) :]


def test_a_sequence_depends_on_its_own_address_only(small):
    one = record(small, ["The boats"], settings=[1.0], n_replicates=2, random_state=5)
    many = record(
        small, ["A long winter of", "The boats"], settings=decoding_grid((0.5, 1.0), (0.9, 1.0)),
        n_replicates=3, random_state=5, batch_size=5,
    )  # fmt: skip
    chosen = many.metadata.query("prompt == 'The boats' and temperature == 1 and top_p == 1")
    assert chosen["text"].tolist()[:2] == one.metadata["text"].tolist()
    again = record(small, ["The boats"], settings=[1.0], n_replicates=2, random_state=6)
    assert again.metadata["text"].tolist() != one.metadata["text"].tolist()
    assert len(set(chosen["text"])) == 3
    assert record(small, ["The boats"]).groups is None


def test_nothing_global_is_drawn_and_the_model_is_left_as_it_was(small):
    before = torch.random.get_rng_state()
    small.model.train()
    record(small, ["The boats"], max_new_tokens=3)
    assert small.model.training
    small.model.eval()
    assert torch.equal(before, torch.random.get_rng_state())


def test_temperature_zero_is_greedy(small):
    panel = record(small, ["The boats"], settings=[0], n_replicates=2)
    start = small.tokenizer.encode("The boats").ids
    expected = small.model.generate(
        torch.tensor([start]), attention_mask=torch.ones(1, len(start), dtype=torch.long),
        do_sample=False, max_new_tokens=12, pad_token_id=0, eos_token_id=None,
    )[0, len(start) :]  # fmt: skip
    assert panel.metadata["text"].tolist() == [small.tokenizer.decode(expected.tolist())] * 2
    np.testing.assert_array_equal(panel.arrays()[0], panel.arrays()[1])


def test_draws_follow_the_distribution_of_the_setting():
    n = 20_000
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0]).repeat(n, 1)
    chance = uniforms(0, (1, 2), Decoding(), 0, n)
    cases = [
        (Decoding(1.0), np.exp([2.0, 1.0, 0.0, -1.0])),
        (Decoding(0.5), np.exp([4.0, 2.0, 0.0, -2.0])),
        (Decoding(1.0, top_k=2), np.exp([2.0, 1.0]).tolist() + [0, 0]),
        (Decoding(1.0, top_p=0.7), np.exp([2.0, 1.0]).tolist() + [0, 0]),
        (Decoding(1.0, top_p=0.6), [1, 0, 0, 0]),
        (Decoding(0.0), [1, 0, 0, 0]),
    ]
    for setting, weights in cases:
        drawn = draw_tokens(logits, [setting] * n, chance).numpy()
        share = np.bincount(drawn, minlength=4) / n
        expected = np.asarray(weights) / np.sum(weights)
        # Four standard errors of a share.
        assert (np.abs(share - expected) <= 4 * np.sqrt(expected * (1 - expected) / n)).all()


def test_certain_tokens_have_neither_surprisal_nor_entropy():
    said = measure(torch.tensor([[0.0, -torch.inf, -torch.inf]]), torch.tensor([0]), 2)
    np.testing.assert_array_equal(said.numpy(), [[0.0, 0.0, np.inf]])
    flat = measure(torch.zeros(1, 8), torch.tensor([3]), 1).numpy()
    np.testing.assert_allclose(flat, [[np.log(8), np.log(8), 0.0]], atol=1e-12)


def test_the_fitted_diffusion_grows_with_the_temperature(small):
    starts = np.random.default_rng(1).integers(0, len(small.tokens) - 8, 24)
    prompts = [small.tokens[k : k + 8] for k in starts]
    panel = record(small, prompts, settings=(0.3, 1.0), max_new_tokens=60, batch_size=48)
    hidden = panel.with_values(panel.values[:, :48])
    states = TrajectoryPCA(8).fit_transform(hidden)
    surprisal = panel.with_values(by_column(panel, "surprisal")[:, None])
    temperature = panel.metadata["temperature"].to_numpy()
    cold, hot = (
        {"state": _one_step(states[rows]), "surprisal": _one_step(surprisal[rows])}
        for rows in (np.flatnonzero(temperature == t) for t in (0.3, 1.0))
    )
    # 95 % intervals of a bootstrap over samples do not touch.
    assert cold["state"][0][2] < hot["state"][0][1]
    assert cold["state"][1][1] > hot["state"][1][2]
    assert cold["surprisal"][0][2] < hot["surprisal"][0][1]


def _one_step(panel):
    """Return residual variance and R² of the linear map to the next state, with intervals."""
    rng = np.random.default_rng(0)
    arrays = panel.arrays()
    found = []
    for k in range(101):
        chosen = range(len(arrays)) if k == 0 else rng.integers(0, len(arrays), len(arrays))
        x = np.concatenate([arrays[j][:-1] for j in chosen])
        y = np.concatenate([arrays[j][1:] for j in chosen])
        design = np.column_stack([np.ones(len(x)), x])
        rest = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
        variance = np.square(y - y.mean(axis=0)).sum() / len(y)
        left = np.square(rest).sum() / len(y)
        found.append((left, 1 - left / variance))
    return [(column[0], *np.quantile(column[1:], [0.025, 0.975])) for column in np.transpose(found)]


def test_layers_may_be_the_time(small):
    tokens = record(small, ["The boats"], layers=[0, 1, 2], max_new_tokens=3)
    panel = record(small, ["The boats"], over="layer", max_new_tokens=3)
    assert panel.lengths.tolist() == [3, 3, 3]
    assert panel.time_unit == "layer"
    assert panel.metadata["token"].tolist() == [0, 1, 2]
    np.testing.assert_array_equal(panel.arrays()[1].ravel(), tokens.values[1, : 3 * 48])
    assert panel.columns[:2] == ("h1", "h2")


def test_projections_keep_less_of_each_state(small):
    full = record(small, ["The boats"])
    kept = record(small, ["The boats"], projection=5)
    assert kept.columns == ("h1", "h2", "h3", "h4", "h5", "surprisal", "entropy", "margin")
    np.testing.assert_array_equal(by_column(full, "entropy"), by_column(kept, "entropy"))
    map_, residual, *_ = np.linalg.lstsq(full.values[:, :48], kept.values[:, :5], rcond=None)
    assert map_.shape == (48, 5)
    pca = TrajectoryPCA(2).fit(full.with_values(full.values[:, :48]))
    fitted = record(small, ["The boats"], projection=pca)
    np.testing.assert_allclose(fitted.values[:, :2], pca.transform(full.values[:, :48]), atol=1e-4)


def test_a_sequence_ends_with_the_token_that_ends_texts(small):
    small.model.config.eos_token_id = list(range(0, 300, 3))
    try:
        panel = record(small, {"p": "The boats"}, n_replicates=8, stop=True, settings=[1.5])
    except StochtextWarning as warning:
        assert "ended with their first token" in str(warning)  # noqa: PT017
        with pytest.warns(StochtextWarning, match="'p/T1.5/"):
            panel = record(small, {"p": "The boats"}, n_replicates=8, stop=True, settings=[1.5])
    finally:
        small.model.config.eos_token_id = 0
    assert panel.lengths.max() <= 12
    assert (panel.metadata["n_tokens"].to_numpy() == panel.lengths).all()
    assert panel.metadata["ended"].any()


class NoStates(torch.nn.Module):
    config = SimpleNamespace()

    def forward(self, input_ids=None, **options):
        return SimpleNamespace(logits=torch.zeros(1, 1, 5), hidden_states=None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompts": []}, "no prompt"),
        ({"prompts": {"a": "x", "b": ""}}, "Prompts without a token: 'b'"),
        ({"prompts": {"a": [1] * 90, "b": [1]}}, r"more than 85 tokens.*'a'\. Shorten"),
        ({"prompts": [3.5]}, "neither a text nor a list of tokens"),
        ({"tokenizer": None}, "no `tokenizer`"),
        ({"max_new_tokens": 1}, "max_new_tokens"),
        ({"max_new_tokens": 200}, "reads 96 tokens"),
        ({"layers": 3}, "integers from -3 to 2"),
        ({"layers": [1, -2]}, "names a layer twice"),
        ({"layers": "last"}, "'all'"),
        ({"settings": []}, "different decoding settings"),
        ({"settings": [1, 1.0]}, "different decoding settings"),
        ({"settings": [{"temp": 1}]}, "`settings` holds"),
        ({"settings": [-1]}, "temperature"),
        ({"settings": [{"top_p": 0}]}, "top_p"),
        ({"over": "word"}, "over"),
        ({"projection": 49}, "48 dimensions"),
        ({"model": NoStates()}, "NoStates gives no hidden_states and no past_key_values"),
        ({"model": lambda x: x}, "cannot be called as a causal model"),
    ],
)
def test_what_cannot_be_generated_is_refused(small, options, message):
    given = {
        "model": small.model, "tokenizer": small.tokenizer, "prompts": ["The boats"],
        "max_new_tokens": 12, **options,
    }  # fmt: skip
    with pytest.raises(InputError, match=message):
        record_generation(**given)


def test_a_recording_beyond_memory_is_refused_before_it_starts(small):
    with pytest.raises(ResourceLimitError, match=r"nothing was generated.*projection=32"):
        record(small, ["The boats"], n_replicates=100, max_bytes=100_000)


def test_an_output_of_generate_gives_what_recording_gives(small):
    start = torch.tensor([small.tokenizer.encode("The boats").ids])
    output = small.model.generate(
        start, attention_mask=torch.ones_like(start), do_sample=False, max_new_tokens=12,
        pad_token_id=0, eos_token_id=None, return_dict_in_generate=True,
        output_hidden_states=True, output_logits=True,
    )  # fmt: skip
    expected = record(small, ["The boats"], settings=[0], layers=[1, 2])
    panel = from_generate_output(output, layers=[1, 2], ids=["a"])
    assert panel.columns == expected.columns
    np.testing.assert_allclose(panel.values, expected.values, atol=2e-4)
    output.sequences[0, start.shape[1] + 4] = 299
    assert from_generate_output(output, eos_token_id=299).lengths.tolist() == [5]
    output.logits = None
    assert from_generate_output(output).n_features == 48
    with pytest.raises(InputError, match="output_hidden_states=True"):
        from_generate_output(SimpleNamespace(sequences=start))
    with pytest.raises(InputError, match="Beam search"):
        from_generate_output(
            SimpleNamespace(hidden_states=output.hidden_states, beam_indices=start)
        )


def test_hidden_states_of_texts_that_were_read(small):
    rows = torch.tensor([small.tokens[:10], small.tokens[20:30]])
    mask = torch.ones_like(rows)
    mask[1, 6:] = 0
    with torch.no_grad():
        states = small.model(rows, output_hidden_states=True).hidden_states
    panel = from_hidden_states(states, attention_mask=mask, ids=["a", "b"])
    assert panel.lengths.tolist() == [10, 6]
    np.testing.assert_array_equal(panel.arrays()[1], states[-1][1, :6].numpy())
    layered = from_hidden_states(states, over="layer", attention_mask=mask)
    np.testing.assert_array_equal(
        layered.arrays()[1], np.stack([layer[1, 5].numpy() for layer in states])
    )
    mask[1, 1:] = 0
    with pytest.raises(InputError, match="fewer than 2 tokens: 'b'"):
        from_hidden_states(states, attention_mask=mask, ids=["a", "b"])
    with pytest.raises(InputError, match="one array of shape"):
        from_hidden_states([np.zeros((2, 3))])
    with pytest.raises(InputError, match="no hidden states"):
        from_hidden_states(None)
    with pytest.raises(InputError, match="attention_mask"):
        from_hidden_states(states, attention_mask=mask[:, :3])


TOKEN = {"token": "a", "logprob": -0.7, "top_logprobs": [{"logprob": -0.7}, {"logprob": -1.7}]}


def test_log_probabilities_in_every_form_become_surprisal():
    plain = from_logprobs([[-0.7, -0.7]])
    chat = from_logprobs([{"content": [TOKEN, TOKEN]}])
    completion = from_logprobs(
        [
            {
                "token_logprobs": [None, -0.7, -0.7],
                "top_logprobs": [None, *[{"a": -0.7, "b": -1.7}] * 2],
            }
        ]
    )
    np.testing.assert_allclose(plain.values, [[0.7], [0.7]])
    for panel in (chat, completion):
        assert panel.columns == ("surprisal", "margin")
        np.testing.assert_allclose(panel.values, [[0.7, 1.0], [0.7, 1.0]])


def test_missing_log_probabilities_are_named_or_dropped():
    with pytest.raises(
        InputError, match=r"2 of 3 texts have no log prob.*: 'b', 'c'.*logprobs=True"
    ):
        from_logprobs([[-1, -2], None, [-1]], ids=["a", "b", "c"])
    panel = from_logprobs([[-1, -2], None], ids=["a", "b"], missing="drop", metadata={"k": [1, 2]})
    assert panel.ids.tolist() == ["a"]
    assert panel.metadata["k"].tolist() == [1]
    with pytest.raises(InputError, match="Text 0, token 1"):
        from_logprobs([[-1, 2.0]])
    with pytest.raises(InputError, match="no log probabilities"):
        from_logprobs([None], missing="drop")


def test_log_probabilities_of_a_chat_are_grouped_by_document(tmp_path):
    from stochtext.text import read_documents

    answer = {"role": "assistant", "content": "Yes.", "logprobs": {"content": [TOKEN, TOKEN]}}
    ask = {"role": "user", "content": "Well?"}
    import json

    logs = [{"id": "p", "model": "m", "messages": [ask, answer, ask, answer]},
            {"id": "q", "model": "m", "messages": [ask]}]  # fmt: skip
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, logs)))
    documents = read_documents(path)
    with pytest.raises(InputError, match="'q'"):
        from_logprobs(documents)
    panel = from_logprobs(documents, missing="drop")
    assert panel.ids.tolist() == ["p/1", "p/3"]
    assert panel.groups.tolist() == ["p", "p"]
    assert panel.metadata["model"].tolist() == ["m", "m"]


def swap(text, rng):
    words = text.split()
    a, b = rng.integers(0, len(words), 2)
    words[a], words[b] = words[b], words[a]
    return " ".join(words)


def test_a_loop_is_recorded_with_its_own_chance():
    starts = {"x": "the sea is calm and wide", "y": "rain fell on the old town"}
    loops = record_loop(swap, starts, n_steps=9, n_replicates=2)
    assert isinstance(loops, Documents)
    assert loops.ids.tolist() == ["x/0", "x/1", "y/0", "y/1"]
    assert loops.metadata["start"].tolist() == ["x", "x", "y", "y"]
    alone = record_loop(swap, {"y": starts["y"]}, n_steps=9, n_replicates=2)
    assert alone.texts == loops.texts[2:]
    assert loops.texts[0] != loops.texts[1]
    panel = TextTrajectories(unit="turn", n_components=1).fit_transform(loops)
    assert panel.lengths.tolist() == [10] * 4


@pytest.mark.parametrize(
    ("step", "starts", "message"),
    [
        (lambda text, rng: "", ["a b"], "Loop 0, replicate 0: output 1 is no text but ''"),
        (lambda text, rng: 3, ["a b"], "output 1 is no text but 3"),
        (swap, [" "], "the start is no text"),
    ],
)
def test_a_loop_that_stops_talking_is_reported(step, starts, message):
    with pytest.raises(InputError, match=message):
        record_loop(step, starts, n_steps=3)
