"""Reading: files become documents, or an error that says where and why not."""

import json
from pathlib import Path

import pytest

from stochtext._shared.exceptions import EncodingError, InputError, ResourceLimitError
from stochtext.text import read_documents


def write_lines(path, records):
    path.write_text("\n".join(json.dumps(r) for r in records), encoding="utf-8")
    return path


def test_a_text_file_is_one_document(tmp_path):
    path = tmp_path / "story.txt"
    path.write_bytes("\ufeffOnce.\r\nTwice. é".encode())
    documents = read_documents(path)
    assert documents.texts == ["Once.\nTwice. é"]
    assert documents.ids.tolist() == ["story"]
    assert read_documents(str(path)).texts == documents.texts


def test_a_folder_is_read_in_the_order_of_names(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("b.txt", "a.txt", "sub/c.TXT", "note.md", "table.csv"):
        (tmp_path / name).write_text(f"# {name}")
    documents = read_documents(tmp_path)
    assert documents.ids.tolist() == ["a", "b", "note"]
    assert documents.texts == ["# a.txt", "# b.txt", "note.md"]
    deep = read_documents(tmp_path, recursive=True)
    assert deep.ids.tolist() == ["a", "b", "note", "sub/c"]
    assert deep.metadata["folder"].tolist() == [".", ".", ".", "sub"]


def test_a_folder_without_texts_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no \.txt or \.md file.*recursive=True"):
        read_documents(tmp_path)


def test_json_lines_keep_scalar_fields_as_metadata(tmp_path):
    path = write_lines(
        tmp_path / "d.jsonl",
        [
            {"id": "p", "body": "One.", "n": 1, "tags": ["x"], "author": "a"},
            {"id": "q", "body": "Two.", "n": 2, "tags": []},
        ],
    )
    documents = read_documents(path, text="body")
    assert documents.texts == ["One.", "Two."]
    assert documents.ids.tolist() == ["p", "q"]
    assert documents.metadata.columns.tolist() == ["n", "author"]
    assert documents.metadata["n"].tolist() == [1, 2]
    assert read_documents(path, text="body", id=None).ids.tolist() == [0, 1]


def test_model_outputs_of_alpaca_eval_are_read(tmp_path):
    path = tmp_path / "outputs.json"
    path.write_text(
        json.dumps([{"instruction": "Why?", "output": "Because.", "generator": "gpt4"}])
    )
    documents = read_documents(path)
    assert documents.texts == ["Because."]
    assert documents.metadata["generator"].tolist() == ["gpt4"]


def test_several_paths_are_joined_and_clashing_ids_told_apart(tmp_path):
    one = write_lines(tmp_path / "one.jsonl", [{"id": 1, "text": "A."}])
    two = write_lines(tmp_path / "two.jsonl", [{"id": 1, "text": "B."}])
    text = tmp_path / "three.txt"
    text.write_text("C.")
    joined = read_documents([one, two, text])
    assert joined.texts == ["A.", "B.", "C."]
    assert joined.ids.tolist() == [f"{one}:1", f"{two}:1", f"{text}:three"]
    assert joined.metadata["file"].tolist() == ["one.jsonl", "two.jsonl", "three.txt"]


def test_strings_in_a_list_are_the_documents(tmp_path):
    assert read_documents(["A.", "B."]).texts == ["A.", "B."]
    path = tmp_path / "a.txt"
    path.write_text("x")
    with pytest.raises(InputError, match=r"names of existing files.*pathlib"):
        read_documents([str(path)])


def test_bytes_that_are_no_utf8_are_located(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"caf\xe9 au lait")
    with pytest.raises(EncodingError, match=r"latin\.txt: not valid utf-8 at byte 3 \(0xe9"):
        read_documents(path)
    assert read_documents(path, errors="replace").texts == ["caf\ufffd au lait"]
    assert read_documents(path, encoding="cp1252").texts == ["café au lait"]


def test_the_byte_offset_of_json_lines_counts_from_the_start_of_the_file(tmp_path):
    path = tmp_path / "d.jsonl"
    path.write_bytes(b'{"text": "ok"}\n{"text": "\xff"}\n')
    with pytest.raises(EncodingError, match="byte 25"):
        read_documents(path)


def test_a_lone_surrogate_in_an_escape_is_located(tmp_path):
    path = tmp_path / "d.jsonl"
    path.write_bytes(b'{"text": "ok"}\n{"text": "a\\ud800"}\n')
    with pytest.raises(EncodingError, match=r"d\.jsonl, line 2.*U\+D800 at character 1 \(byte 1"):
        read_documents(path)
    assert read_documents(path, errors="replace").texts[1] == "a\ufffd"


def test_utf16_is_recognised_in_the_advice(tmp_path):
    path = tmp_path / "wide.txt"
    path.write_text("One. Two.", encoding="utf-16")
    with pytest.raises(EncodingError, match="encoding='utf-16'"):
        read_documents(path)
    assert read_documents(path, encoding="utf-16").texts == ["One. Two."]


def test_a_file_that_is_too_long_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "long.txt"
    path.write_text("x" * 500)

    def forbidden(self):
        raise AssertionError("the file was read")

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    with pytest.raises(ResourceLimitError, match=r"500 bytes.*nothing was read"):
        read_documents(path, max_chars=100)


def test_long_documents_inside_the_byte_limit_are_refused_as_well(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("x" * 200)
    with pytest.raises(ResourceLimitError, match="200 characters"):
        read_documents(path, max_chars=100)
    lines = write_lines(tmp_path / "d.jsonl", [{"text": "x" * 200}])
    with pytest.raises(ResourceLimitError, match="line 1"):
        read_documents(lines, max_chars=100)
    with pytest.raises(ResourceLimitError, match="Document 0"):
        read_documents(["x" * 200], max_chars=100)


def test_an_endless_line_is_refused_before_it_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr("stochtext.text.formats.decoding._LINE_MARGIN", 10)
    lines = write_lines(tmp_path / "d.jsonl", [{"text": "a"}, {"text": "x" * 900}])
    with pytest.raises(ResourceLimitError, match="line 2: longer than"):
        read_documents(lines, max_chars=10)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "x"', r"line 2: malformed JSON"),
        ("[1, 2]", r"line 2: expected a JSON object.*list"),
        ('{"body": "x", "n": 1}', r"line 2: there is no field 'text'.*'body', 'n'"),
        ('{"text": 3}', r"line 2: field 'text' is of type int"),
        ("[" * 100_000, r"line 2: JSON that cannot be read"),
    ],
)
def test_a_bad_record_is_reported_with_its_line(tmp_path, line, message):
    path = tmp_path / "d.jsonl"
    path.write_text('{"text": "fine"}\n' + line + "\n")
    with pytest.raises(InputError, match=message):
        read_documents(path)


def test_ids_must_be_complete_and_unique(tmp_path):
    some = write_lines(tmp_path / "a.jsonl", [{"id": 1, "text": "x"}, {"text": "y"}])
    with pytest.raises(InputError, match=r"line 2: field 'id' holds no id"):
        read_documents(some)
    twice = write_lines(tmp_path / "b.jsonl", [{"id": 1, "text": "x"}, {"id": 1, "text": "y"}])
    with pytest.raises(InputError, match="unique"):
        read_documents(twice)


def test_empty_documents_are_named_or_counted(tmp_path):
    path = write_lines(tmp_path / "d.jsonl", [{"id": "a", "text": " "}, {"id": "b", "text": "x"}])
    with pytest.raises(InputError, match="'a'"):
        read_documents(path)
    assert read_documents(path, empty="drop").dropped == ["a"]


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ("no/such/file.txt", {}, "There is no file"),
        ("A whole text. " * 400, {}, "There is no file"),
        ("nul\0byte", {}, "There is no file"),
        (3, {}, "path or a list"),
        (["a"], {"format": "docx"}, "format"),
        (["a"], {"errors": "surrogateescape"}, "errors"),
        (["a"], {"encoding": "klingon"}, "klingon"),
        (["a"], {"max_chars": 0}, "max_chars"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(given, options, message):
    with pytest.raises(InputError, match=message):
        read_documents(given, **options)


def test_a_suffix_that_tells_no_format_is_refused(tmp_path):
    path = tmp_path / "a.docx"
    path.write_text("x")
    with pytest.raises(InputError, match=r"\.docx"):
        read_documents(path)
    assert read_documents(path, "txt").texts == ["x"]
    with pytest.raises(InputError, match="no folder"):
        read_documents(path, "folder")
    with pytest.raises(InputError, match="is a folder"):
        read_documents(tmp_path, "txt")


def test_json_that_is_no_array_is_refused(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"text": "x"}')
    with pytest.raises(InputError, match="expected an array"):
        read_documents(path)


def test_documents_pass_through():
    documents = read_documents(["A."])
    assert read_documents(documents) is documents
