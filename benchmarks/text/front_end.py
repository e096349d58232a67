"""Measure the speed of the text front end, and the memory of a million sentences.

Four questions, each in a process of its own, CPU time of one thread:

- segmentation: megabytes a second that ``split_sentences`` cuts;
- LSA: sentences a second that are learned from and embedded, and embedded only;
- overhead: time of ``TextTrajectories`` with MiniLM beyond that of the encoder itself, in parts of
  the encoder's time (needs the extra ``offline``);
- memory: a million sentences embedded by LSA and fitted by ``LinearSDE``, highest resident memory.

The text is that of the bundled corpus, its sentences mixed anew until there are enough, so that
documents differ and words keep their frequencies; or the files of ``--corpus``.

Run from the root of the repository, some minutes on one core::

    python -m benchmarks.text.front_end

The result is stored beside this file in ``results/front_end.json``.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import machine, write_study
from stochtext import LinearSDE, datasets
from stochtext.text import (
    LsaEmbedder,
    MiniLMEmbedder,
    TextTrajectories,
    read_documents,
    split_sentences,
)

RESULT = Path(__file__).with_name("results") / "front_end.json"
GOALS = {
    "segmentation": "at least 10 MB/s",
    "lsa": "at least 20,000 sentences/s",
    "overhead": "at most 0.10",
    "memory": "at most 4 GiB",
}


def main() -> None:
    """Measure what is asked for, or one part in this process."""
    options = _options()
    if options.part is not None:
        print(json.dumps(PARTS[options.part](options)))
        return
    found = {}
    for name in options.parts:
        command = [sys.executable, "-m", "benchmarks.text.front_end", "--part", name]
        done = subprocess.run([*command, *sys.argv[1:]], capture_output=True, text=True, check=True)
        found[name] = {**json.loads(done.stdout.splitlines()[-1]), "goal": GOALS[name]}
        print(name, found[name], flush=True)
    record = {
        "what": "speed and memory of the text front end on one core, medians of CPU time",
        "samples": options.repeats,
        "corpus": "bundled texts" if options.corpus is None else options.corpus.name,
        "machine": machine(),
        "designs": found,
    }
    write_study(options.output, record)
    print(options.output)


def segmentation(options: argparse.Namespace) -> dict[str, Any]:
    """Return megabytes a second."""
    texts = documents(options, 60_000)
    size = sum(len(text.encode()) for text in texts) / 1e6
    split_sentences(texts[0])
    seconds = _timed(lambda: [split_sentences(text) for text in texts], options.repeats)
    return {"MB_per_s": round(size / seconds, 1), "MB": round(size, 1)}


def lsa(options: argparse.Namespace) -> dict[str, Any]:
    """Return sentences a second, for learning and embedding and for embedding alone."""
    sentences = [s for text in documents(options, 60_000) for s in split_sentences(text)]
    embedder = LsaEmbedder()
    both = _timed(lambda: embedder.fit_encode(sentences), options.repeats)
    alone = _timed(lambda: embedder.encode(sentences), options.repeats)
    return {
        "sentences_per_s": round(len(sentences) / both),
        "sentences_per_s_embedding_alone": round(len(sentences) / alone),
        "sentences": len(sentences),
    }


def overhead(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the front end adds to the encoder's own time, cutting and projecting included."""
    texts = documents(options, 600)
    embedder = MiniLMEmbedder()
    units = [u for text in texts for u in split_sentences(text)]
    unique = sorted(set(units), key=len, reverse=True)
    embedder.encode(unique[:32])
    alone, whole = [], []
    for _ in range(options.repeats):  # in turn, so that a drift of the clock reaches both
        alone.append(_timed(lambda: embedder.encode(unique), 1))
        front = TextTrajectories(embedder, cache=False, short="drop")
        whole.append(_timed(lambda front=front: front.fit_transform(texts), 1))
    encoder, both = statistics.median(alone), statistics.median(whole)
    return {
        "overhead_share": round(both / encoder - 1, 4),
        "encoder_s": round(encoder, 3),
        "front_end_s": round(both, 3),
        "sentences": len(unique),
    }


def memory(options: argparse.Namespace) -> dict[str, Any]:
    """Return the highest resident memory of embedding and fitting many sentences."""
    texts = documents(options, options.sentences)
    start = time.process_time()
    panel = TextTrajectories(n_components=8, short="drop").fit_transform(texts)
    embedded = time.process_time()
    LinearSDE().fit(panel)
    fitted = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "peak_GiB": round(peak, 2),
        "sentences": len(panel.values),
        "embedding_s": round(embedded - start, 1),
        "fit_s": round(fitted - embedded, 1),
    }


PARTS = {"segmentation": segmentation, "lsa": lsa, "overhead": overhead, "memory": memory}


def documents(options: argparse.Namespace, n_sentences: int) -> list[str]:
    """Return texts of 25 sentences each, mixed from the corpus."""
    if options.corpus is None:
        texts = datasets.load_sample_texts().texts
    else:
        texts = read_documents(options.corpus).texts
    pool = np.array(sorted({s for text in texts for s in split_sentences(text)}), dtype=object)
    rng = np.random.default_rng(0)
    order = rng.integers(0, len(pool), (max(2, n_sentences // 25), 25))
    return [" ".join(pool[row]) for row in order]


def _timed(action: Any, repeats: int) -> float:
    """Return the median CPU time of an action."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        action()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--part", choices=list(PARTS), help="measure it in this process")
    parser.add_argument("--sentences", type=int, default=1_000_000, help="for the memory")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--corpus", type=Path, default=None, help="texts instead of the bundled")
    parser.add_argument("--output", type=Path, default=RESULT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
