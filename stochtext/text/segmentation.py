"""Cut a document into the units that become the steps of a trajectory.

Law: every unit is a span of the text as written, spans follow one another in
order, and the work grows linearly with the length of the text whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stochtext._shared.exceptions import InputError
from stochtext._shared.validation import check_choice, check_integer

__all__ = ["UNITS", "segment", "split_paragraphs", "split_sentences", "split_windows"]

UNITS = ("sentence", "paragraph", "turn", "window")

Span = tuple[int, int]

# The splitter's work per candidate boundary grows with the text before it: on an
# adversarial text its cost is quadratic. It therefore sees the text through a window that
# starts at a sentence border, grows only for a long sentence, and holds few candidates.
_WINDOW = 2_048
_LONGEST_SENTENCE = 16_384
_MOST_MARKS = 320
_MARK = re.compile(r"""[.!?…。！？｡．।؟۔"'‘’“”„«»‹›「」『』()\[\]{}]""")
_PLAIN_BORDER = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])\s*")

# It also fails on rare white space; those characters are shown to it as plain blanks.
_RARE_BLANK = re.compile(
    "[\x0b\x0c\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
)

_ENUMERATOR = re.compile(r"[(\[]?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)\]]{1,2}")
_POINTER = re.compile(r"\b(?:eqs?|figs?|secs?|tabs?|refs?|chs?|chap|no|nos|vol|pp?|art)\.$", re.I)
_POINTED = re.compile(r"[(\[]?\d")


def segment(
    text: str,
    unit: str = "sentence",
    *,
    language: str = "en",
    window: int = 32,
    stride: int | None = None,
) -> list[str]:
    """Cut ``text`` into sentences, paragraphs or windows of words.

    Parameters
    ----------
    text : str
        The document.
    unit : {"sentence", "paragraph", "window"}
        What one step is.
    language : str
        Language code of the sentence splitter.
    window : int
        Words in a window (for ``unit="window"``).
    stride : int, optional
        Words between the starts of two windows; by default ``window``, so that
        windows do not overlap.

    Returns
    -------
    list of str
        The units in order, without surrounding white space.

    Raises
    ------
    InputError
        If an argument is out of range.

    Examples
    --------
    >>> from stochtext.text import segment
    >>> segment("Dr. Smith came in. He sat down.")
    ['Dr. Smith came in.', 'He sat down.']
    >>> segment("one two three four five six", "window", window=2)
    ['one two', 'three four', 'five six']
    """
    if unit == "turn":
        raise InputError("A text alone has no turns; use documents with turns and unit='turn'.")
    check_choice("unit", unit, UNITS)
    if unit == "sentence":
        return split_sentences(text, language)
    if unit == "paragraph":
        return split_paragraphs(text)
    return split_windows(text, window, stride)


def split_sentences(text: str, language: str = "en") -> list[str]:
    """Cut a text into sentences.

    The rules of sentencex, then three of ours: a piece without any letter or
    digit belongs to the sentence before it, an enumerator such as ``2.`` to the
    sentence after it, and ``(3.1)`` or ``7`` to a preceding ``eq.`` or ``No.``.
    A sentence of more than 16,384 characters is cut.

    Parameters
    ----------
    text : str
        The document.
    language : str
        Language code of the splitter.

    Returns
    -------
    list of str
        The sentences, without surrounding white space.

    Examples
    --------
    >>> from stochtext.text import split_sentences
    >>> split_sentences('1. See eq. (3.1). 2. "Really?" she said.')
    ['1. See eq. (3.1).', '2. "Really?" she said.']
    """
    shadow = _RARE_BLANK.sub(" ", text)
    spans = [_trim(shadow, *span) for span in _sentence_spans(shadow, language)]
    joined = _join_fragments(text, [span for span in spans if span[0] < span[1]])
    return [text[start:end] for start, end in joined]


def split_paragraphs(text: str) -> list[str]:
    r"""Cut a text at its blank lines.

    Parameters
    ----------
    text : str
        The document.

    Returns
    -------
    list of str
        The paragraphs, without surrounding white space.

    Examples
    --------
    >>> from stochtext.text import split_paragraphs
    >>> split_paragraphs("One.\nStill one.\n\nTwo.")
    ['One.\nStill one.', 'Two.']
    """
    paragraphs: list[str] = []
    lines: list[str] = []
    for line in [*text.split("\n"), ""]:
        if line.strip():
            lines.append(line)
        elif lines:
            paragraphs.append("\n".join(lines).strip())
            lines = []
    return paragraphs


def split_windows(text: str, window: int = 32, stride: int | None = None) -> list[str]:
    """Cut a text into windows of words.

    The last window ends with the text: it may be shorter, and joins the window
    before it if it has fewer than half of ``window`` words.

    Parameters
    ----------
    text : str
        The document.
    window : int
        Words (runs without white space) in a window.
    stride : int, optional
        Words between the starts of two windows, at most ``window``. Smaller
        values make neighbours overlap and so manufacture dynamics.

    Returns
    -------
    list of str
        The windows.

    Raises
    ------
    InputError
        If ``window`` or ``stride`` is out of range.
    """
    width = check_integer("window", window)
    step = width if stride is None else check_integer("stride", stride)
    if step > width:
        raise InputError(
            f"`stride` ({step}) is larger than `window` ({width}): {step - width} words between "
            "two windows would be left out. Use a stride of at most the window."
        )
    words = [match.span() for match in re.finditer(r"\S+", text)]
    starts = list(range(0, len(words), step))
    while len(starts) > 1 and starts[-2] + width >= len(words):
        starts.pop()
    if len(starts) > 1 and 2 * (len(words) - starts[-1]) < width:
        starts.pop()
    ends = [start + width for start in starts[:-1]] + [len(words)]
    return [
        text[words[a][0] : words[b - 1][1]] for a, b in zip(starts, ends, strict=False) if words
    ]


def _sentence_spans(text: str, language: str) -> Iterator[Span]:
    """Yield consecutive spans that cover ``text``."""
    start, size = 0, _WINDOW
    while start < len(text):
        piece = text[start : start + size]
        last = start + len(piece) == len(text)
        crowded = len(piece) > 256 and len(_MARK.findall(piece)) > _MOST_MARKS
        lengths = _plain_lengths(piece) if crowded else _piece_lengths(piece, language)
        if len(lengths) == 1 and not (last or crowded) and size < _LONGEST_SENTENCE:
            size *= 2
            continue
        # The last sentence of a window may go on behind it: it is looked at again.
        for length in lengths if last or len(lengths) == 1 else lengths[:-1]:
            yield start, start + length
            start += length
        size = _WINDOW


def _piece_lengths(piece: str, language: str) -> list[int]:
    """Return the lengths of the sentences of a piece, which they cover."""
    import sentencex

    try:
        parts = sentencex.segment(language, piece)
    except BaseException as error:
        # A panic of the compiled splitter is no Exception; anything else passes through.
        if type(error).__name__ != "PanicException":
            raise
        return _plain_lengths(piece)
    lengths = [len(part) for part in parts if part]
    return lengths if sum(lengths) == len(piece) else _plain_lengths(piece)


def _plain_lengths(piece: str) -> list[int]:
    """Cut after sentence-final punctuation that white space follows, and nowhere else."""
    borders = [0, *(match.end() for match in _PLAIN_BORDER.finditer(piece)), len(piece)]
    return [b - a for a, b in zip(borders, borders[1:], strict=False) if b > a]


def _trim(text: str, start: int, end: int) -> Span:
    """Return the span without the white space at its ends."""
    part = text[start:end]
    kept = part.rstrip()
    end = start + len(kept)
    return (end - len(kept.lstrip()), end) if kept[:1].isspace() else (start, end)


def _join_fragments(text: str, spans: list[Span]) -> list[Span]:
    """Join what is no sentence by itself to the sentence it belongs to."""
    joined: list[Span] = []
    pending: int | None = None
    for start, end in spans:
        begin = start if pending is None else pending
        if end - start <= 8 and _ENUMERATOR.fullmatch(text, start, end):
            pending = begin
        elif joined and pending is None and _belongs_to_previous(text, joined[-1], (start, end)):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
            pending = None
    if pending is not None:
        joined.append((pending, spans[-1][1]))
    return joined


def _belongs_to_previous(text: str, previous: Span, span: Span) -> bool:
    """Tell whether a piece only continues the sentence before it."""
    start, end = span
    if text[start].isalpha():
        return False
    if not any(character.isalnum() for character in text[start:end]):
        return True
    if not _POINTED.match(text, start, end):
        return False
    return _POINTER.search(text[max(previous[0], previous[1] - 8) : previous[1]]) is not None
