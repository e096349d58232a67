"""Formats: chat logs, tables, Markdown and binary files, each with its own bad cases."""

import json

import numpy as np
import pandas as pd
import pytest

from stochtext._shared.exceptions import EncodingError, InputError
from stochtext.text import Documents, TextTrajectories, Turn, read_documents, stream_documents
from stochtext.text.formats.markdown import plain_text

MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Why?"}, {"type": "image_url"}]},
    {"role": "assistant", "content": None, "tool_calls": []},
    {"role": "assistant", "content": "Because."},
]


def write(path, value):
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def test_a_chat_log_keeps_its_turns(tmp_path):
    lines = "\n".join(
        json.dumps({"id": name, "model": "m", "messages": MESSAGES}) for name in ("a", "b")
    )
    log = write(tmp_path / "log.jsonl", lines)
    documents = read_documents(log)
    assert documents.ids.tolist() == ["a", "b"]
    assert documents.metadata.columns.tolist() == ["model"]
    assert [(t.role, t.content) for t in documents.turns[1]] == [
        ("system", "Be brief."),
        ("user", "Why?"),
        ("assistant", "Because."),
    ]
    assert documents.texts[0] == "Be brief.\n\nWhy?\n\nBecause."
    assert read_documents(log, role="assistant").texts == ["Because.", "Because."]
    assert [t.content for t in documents[1:].turns[0]][-1] == "Because."


@pytest.mark.parametrize("value", [MESSAGES, {"messages": MESSAGES}, [{"messages": MESSAGES}]])
def test_json_with_messages_is_a_conversation(tmp_path, value):
    documents = read_documents(write(tmp_path / "log.json", value))
    assert len(documents) == 1
    assert len(documents.turns[0]) == 3


def test_an_answer_of_a_service_ends_the_conversation(tmp_path):
    choice = {
        "message": {"role": "assistant", "content": "Yes."},
        "logprobs": {"content": [{"token": "Yes", "logprob": -0.5}, {"token": ".", "logprob": 0}]},
    }
    record = {"messages": MESSAGES[:2], "choices": [choice]}
    turns = read_documents(write(tmp_path / "a.jsonl", record)).turns[0]
    assert turns[-1].content == "Yes."
    np.testing.assert_array_equal(turns[-1].logprobs, [-0.5, 0.0])
    assert turns[-1].margins is None


def test_turns_are_units(tmp_path):
    loop = [
        ["The sea is calm.", "Calm is the sea.", "The sea rests."],
        ["A b c.", "B c d.", "E f."],
    ]
    documents = Documents.from_turns(loop, {"agent": ["x", "y"]}, ["p", "q"])
    transformer = TextTrajectories(unit="turn", n_components=2)
    panel = transformer.fit_transform(documents)
    assert panel.lengths.tolist() == [3, 3]
    assert panel.time_unit == "turn"
    assert transformer.segment(documents) == loop
    with pytest.raises(InputError, match="documents with turns"):
        transformer.fit(["One. Two."])


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        ("one", "single string"),
        (["one"], "its turns are 'one'"),
        ([["one", 3]], "Document 0, turn 1"),
        ([[" "], ["x"]], "1 of 2 documents"),
    ],
)
def test_what_is_no_turn_is_refused(turns, message):
    with pytest.raises(InputError, match=message):
        Documents.from_turns(turns)


def test_turns_may_be_given_as_messages():
    documents = Documents.from_turns([[Turn("Hi."), {"role": "user", "content": "Ho."}]])
    assert [t.role for t in documents.turns[0]] == ["assistant", "user"]


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        (["hello"], "line 1, message 0: expected an object"),
        ([{"role": "user", "content": 3}], "`content` is of type int"),
        ([{"role": "a", "content": "x", "logprobs": [0.5]}], "token 0: 0.5 is no log probability"),
        ([{"role": "a", "content": "x", "logprobs": [-1, -9999.0]}], "token 1: -9999"),
        ([{"role": "a", "content": "x", "logprobs": "no"}], "a list of tokens was expected"),
        ([{"role": "a", "content": "x", "logprobs": [{"token": "x"}]}], "has no 'logprob'"),
        ([{"role": "a", "content": ""}], "1 of 1 documents are empty"),
        (
            [{"role": "a", "content": "x", "logprobs": [{"logprob": -1, "top_logprobs": 5}]}],
            "'top_logprobs' is of type int",
        ),
        (
            [
                {
                    "role": "a",
                    "content": "x",
                    "logprobs": [{"logprob": -1, "top_logprobs": [{}, {}]}],
                }
            ],
            "`top_logprobs` holds something that is no number",
        ),
    ],
)
def test_a_bad_message_is_reported_with_its_place(tmp_path, messages, message):
    with pytest.raises(InputError, match=message):
        read_documents(write(tmp_path / "log.jsonl", {"messages": messages}))


@pytest.mark.parametrize(("suffix", "separator"), [(".csv", ","), (".tsv", "\t")])
def test_a_table_keeps_words_and_makes_numbers_of_metadata(tmp_path, suffix, separator):
    rows = [("text", "score", "who"), ('"NA, really.\nYes."', "1.5", "x"), ("007", "", "NA")]
    if separator == "\t":
        rows[1] = ('"NA, really.\nYes."', "1.5", "x")
    path = write(tmp_path / f"t{suffix}", "\n".join(separator.join(r) for r in rows))
    documents = read_documents(path)
    assert documents.texts == ["NA, really.\nYes.", "007"]
    assert documents.metadata["score"].isna().tolist() == [False, True]
    assert documents.metadata["score"][0] == 1.5
    assert documents.metadata["who"].tolist() == ["x", "NA"]
    assert read_documents(path, metadata=["who"]).metadata.columns.tolist() == ["who"]


def test_columns_of_helpsteer_are_known(tmp_path):
    frame = pd.DataFrame({"prompt": ["p"], "response": ["An answer."], "coherence": [4]})
    frame.to_csv(tmp_path / "h.csv", index=False)
    documents = read_documents(tmp_path / "h.csv")
    assert documents.texts == ["An answer."]
    assert documents.metadata.to_dict("records") == [{"prompt": "p", "coherence": 4}]


def test_parquet_is_read(tmp_path):
    frame = pd.DataFrame({"id": ["a", "b"], "text": ["One.", "Two."], "n": [1, 2]})
    frame.to_parquet(tmp_path / "t.parquet", index=False)
    documents = read_documents(tmp_path / "t.parquet")
    assert documents.ids.tolist() == ["a", "b"]
    assert documents.metadata["n"].tolist() == [1, 2]
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match=r"bad\.parquet: no Parquet file"):
        read_documents(tmp_path / "bad.parquet")


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("a,b\n1,2\n", {}, "there is no field 'text'; available fields: 'a', 'b'"),
        ("text,b\nx,2\n", {"metadata": ["c"]}, "no field 'c', which `metadata` names"),
        ("text,b\nx,2,3,4\n", {}, "no table that can be read"),
        ("", {}, "no table that can be read"),
        ('text,b\n"x,2\n', {}, "no table that can be read"),
        ("text,b\n,2\ny,3\n", {}, r"1 of 2 documents are empty.*: 0"),
    ],
)
def test_a_bad_table_is_refused(tmp_path, content, options, message):
    with pytest.raises(InputError, match=message):
        read_documents(write(tmp_path / "t.csv", content), **options)


def test_bytes_of_a_table_that_are_no_utf8_are_located(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"text,n\nok,1\ncaf\xe9,2\n")
    with pytest.raises(EncodingError, match=r"t\.csv: not valid utf-8 at byte 15"):
        read_documents(path)
    assert read_documents(path, encoding="cp1252").texts == ["ok", "café"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"%PDF-1.7 text", "begins like a PDF file"),
        (b"PK\x03\x04rest", "begins like a ZIP archive"),
        (b"words \x00 and more", "NUL at byte 6"),
        ("wide".encode("utf-16-le"), "utf-16-le"),
        (b"\x89PNG\xff", "PNG image"),
    ],
)
def test_binary_files_are_refused_with_what_they_are(tmp_path, data, message):
    (tmp_path / "x.txt").write_bytes(data)
    with pytest.raises(EncodingError, match=message):
        read_documents(tmp_path / "x.txt")


def test_binary_texts_and_markup_alone_are_refused_by_id():
    with pytest.raises(EncodingError, match="'b' holds a NUL at character 1"):
        Documents(["ok", "a\0b"], ids=["a", "b"])
    texts = ["<p><br/></p>", "* * *", "Fine.", "<b>Fine</b>"]
    with pytest.raises(InputError, match="2 of 4 .*: 'a', 'b'"):
        Documents(texts, ids=list("abcd"))
    assert Documents(texts, ids=list("abcd"), empty="drop").dropped == ["a", "b"]


MARKDOWN = """---
title: x
---
Title
=====

## A *second* `title` ##

Some **bold** and _leaning_ text with a [link](http://x.org/a_(b) "t"), an
![image](a.png) and snake_case, 2 * 3 and &amp; \\*stars\\*.[^1] <span>Tagged</span>.

- first item
- [x] second item
1. third

> Quoted.

| a | b |
|---|---|
| c | d |

```python
code = "left out"
```
<!-- a comment
over lines -->
***
[^1]: A note.
[ref]: http://x.org
Last.
"""


def test_markdown_keeps_prose_and_leaves_marks_out():
    assert plain_text(MARKDOWN).split("\n\n") == [
        "Title",
        "A second title",
        "Some bold and leaning text with a link, an\nimage and snake_case, 2 * 3 and & *stars*. "
        "Tagged.",
        "first item",
        "second item",
        "third",
        "Quoted.",
        "a, b",
        "c, d",
        "Last.",
    ]


def test_markdown_files_are_read_as_prose(tmp_path):
    assert read_documents(write(tmp_path / "a.md", "# Hi\n\nYou *there*.")).texts == [
        "Hi\n\nYou there."
    ]
    assert read_documents(tmp_path / "a.md", "txt").texts[0].startswith("# Hi")
    with pytest.raises(InputError, match=r"1 of 1 .*markup .*'b'"):
        read_documents(write(tmp_path / "b.md", "```\nonly code\n```\n"))


@pytest.mark.parametrize("pattern", ["[", "](", "*", "_a", "<", "`", "- ", "|-", "> ", "<!--", "-"])
def test_adversarial_markdown_takes_linear_time(pattern):
    # Quadratic work on 200,000 characters would take minutes and trip the suite's patience.
    assert len(plain_text(pattern * (200_000 // len(pattern)))) <= 200_000


def test_streams_give_the_same_documents_in_chunks(tmp_path):
    lines = "\n".join(json.dumps({"text": f"Text {k}.", "k": k}) for k in range(7))
    path = write(tmp_path / "d.jsonl", lines)
    chunks = list(stream_documents(path, chunk_size=3))
    assert [len(c) for c in chunks] == [3, 3, 1]
    whole = read_documents(path)
    assert [t for c in chunks for t in c] == whole.texts
    assert [i for c in chunks for i in c.ids] == whole.ids.tolist()
    with pytest.raises(InputError, match="reads files"):
        stream_documents(["a text"])
    with pytest.raises(InputError, match="There is no file"):
        stream_documents(tmp_path / "none.jsonl")


def test_a_stream_reads_no_further_than_asked(tmp_path):
    path = write(tmp_path / "d.jsonl", '{"text": "A."}\n{"text": "B."}\nbroken\n')
    stream = stream_documents(path, chunk_size=1)
    assert next(stream).texts == ["A."]
    assert next(stream).texts == ["B."]
    with pytest.raises(InputError, match="line 3"):
        next(stream)


def test_a_stream_leaves_out_and_lists_empty_documents(tmp_path):
    lines = "\n".join(json.dumps({"text": t}) for t in ("A.", " ", "--", "..", "B."))
    chunks = list(stream_documents(write(tmp_path / "d.jsonl", lines), chunk_size=2))
    assert [c.texts for c in chunks] == [["A."], ["B."]]
    assert chunks[0].dropped == [1]
    with pytest.raises(InputError, match="empty"):
        list(stream_documents(tmp_path / "d.jsonl", chunk_size=2, empty="raise"))
