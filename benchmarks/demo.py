"""Measure how long ``stochtext demo`` takes, with empty caches and then again.

Both runs are fresh interpreters. The caches of numba and of embeddings are put
into an empty folder, so that the first run is that of a new installation; the
interpreter's own byte code is there already.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.record import RESULTS, write_record


def timed_demo(folder: Path) -> dict[str, float]:
    """Run the demo with its caches in ``folder`` and return seconds and megabytes."""
    page = folder / "demo.html"
    caches = {"NUMBA_CACHE_DIR": str(folder / "numba"), "STOCHTEXT_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", "stochtext", "demo", "--output", str(page)]
    start = time.perf_counter()
    subprocess.run(command, env={**os.environ, **caches}, capture_output=True, check=True)
    seconds = time.perf_counter() - start
    return {"wall_s": round(seconds, 1), "page_mb": round(page.stat().st_size / 1e6, 2)}


def main() -> None:
    """Measure, print and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = {
            "first run": {**timed_demo(Path(folder)), "goal_s": 60.0},
            "second run": {**timed_demo(Path(folder)), "goal_s": 40.0},
        }
    for name, found in results.items():
        print(f"{name}: {found['wall_s']} s (goal {found['goal_s']}), {found['page_mb']} MB")
    print(write_record("demo", results, options.out))


if __name__ == "__main__":
    main()
