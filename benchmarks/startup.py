"""Measure how long the package and its command line take to start.

Every measurement is a fresh interpreter. The import is timed inside it, so the
interpreter's own start is not counted; the command line is timed from outside,
as a user waits for it.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.record import RESULTS, write_record

IMPORT = "import time; a = time.perf_counter(); import stochtext; print(time.perf_counter() - a)"
FIRST_ESTIMATOR = (
    "import time; a = time.perf_counter(); from stochtext import KernelSDE; "
    "print(time.perf_counter() - a)"
)


def timed_inside(code: str) -> float:
    """Run code in a fresh interpreter and return the seconds that it prints."""
    command = [sys.executable, "-c", code]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def timed_outside(arguments: list[str]) -> float:
    """Run a fresh interpreter and return its wall time in seconds."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    return time.perf_counter() - start


def summarise(measure: Callable[[], float], repeats: int, goal: float | None) -> dict[str, object]:
    """Repeat a measurement, after one that fills the caches, and summarise it."""
    measure()
    seconds = [measure() for _ in range(repeats)]
    summary: dict[str, object] = {
        "median_s": round(statistics.median(seconds), 4),
        "min_s": round(min(seconds), 4),
        "max_s": round(max(seconds), 4),
        "repeats": repeats,
    }
    return summary if goal is None else {**summary, "goal_s": goal}


def measure_all(repeats: int) -> dict[str, dict[str, object]]:
    """Return all measurements by name."""
    return {
        "python -c pass": summarise(lambda: timed_outside(["-c", "pass"]), repeats, None),
        "import stochtext": summarise(lambda: timed_inside(IMPORT), repeats, 0.1),
        "stochtext --help": summarise(
            lambda: timed_outside(["-m", "stochtext", "--help"]), repeats, 0.2
        ),
        "from stochtext import KernelSDE": summarise(
            lambda: timed_inside(FIRST_ESTIMATOR), max(3, repeats // 5), 1.5
        ),
    }


def main() -> None:
    """Measure, print and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=25)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    results = measure_all(options.repeats)
    path = write_record("startup", results, options.out)
    for name, summary in results.items():
        print(f"{name:35} {summary['median_s']:.3f} s (goal {summary.get('goal_s', '-')})")
    print(path)


if __name__ == "__main__":
    main()
