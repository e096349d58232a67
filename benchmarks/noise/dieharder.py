"""dieharder on the raw words, through its command (Debian: ``dieharder``).

Brown, Eddelbuettel and Bauer, Dieharder: a random number test suite, version 3.31.1.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import numpy as np

__all__ = ["available", "run_dieharder"]

# All tests but 5, 6, 7 and 14, which its own list calls suspect or not to be used.
_TESTS = (0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 15, 16, 17, 100, 101, 102, *range(200, 210))
_QUICK = (0, 2, 3, 8, 15, 100, 101, 205, 209)


def available() -> bool:
    """Whether the command is installed."""
    return shutil.which("dieharder") is not None


def run_dieharder(chunks: Iterator[np.ndarray], *, quick: bool = False) -> dict[str, float]:
    """Feed words to every test and return its p-values by test.

    Each test takes the stream on from about where the one before stopped.
    """
    found: dict[str, float] = {}
    for test in _QUICK if quick else _TESTS:
        found.update(_one(test, chunks))
    return found


def _one(test: int, chunks: Iterator[np.ndarray]) -> dict[str, float]:
    # Generator 200 reads binary words; the flags ask for lines "name|ntuple|p-value".
    command = ["dieharder", "-g", "200", "-d", str(test), "-c", "|"]
    for flag in ("test_name", "ntuple", "pvalues"):
        command += ["-D", flag]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        for chunk in chunks:
            process.stdin.write(chunk.tobytes())
    except BrokenPipeError:
        # The test has what it needs.
        pass
    report = process.stdout.read().decode()
    process.stdin = None
    process.wait()
    lines = [line.split("|") for line in report.splitlines() if line.count("|") >= 2]
    # Some tests give several p-values under one name.
    return {
        f"{name.strip()} ({ntuple.strip()}), {k + 1}": float(p)
        for k, (name, ntuple, p, *_) in enumerate(lines)
    }
