"""Size and power of every goodness-of-fit test with estimated parameters.

Size is the percentage of rejections at 5 % of a model that is correct and was estimated from the
same data; power that of an Ornstein-Uhlenbeck process fitted to something else. In cells with
``warp speed`` every replication is redrawn once and critical values come from all replications
together (Giacomini, Politis and White, 2013); in cells with ``full bootstrap`` every replication
has its own 199 refits. In cells with ``as many held out`` the tests are of as many transitions
more, which the fit has not seen, and the bootstrap redraws both. The limit law of some tests is
measured on the same data. With R = 2000 the 99.9 % band around 5 % is [3.45, 6.65], with R = 500
it is [2.2, 8.4].

Run from the root of the repository; what is finished is kept, so that it can be stopped::

    python -m benchmarks.calibration.goodness_of_fit --replications 2000 --full 500 --jobs 2

The result is ``results/goodness_of_fit.json`` in the folder above. Cells with fewer replications
than asked are measured again, from where they stopped; cells that nobody measured are stored as
"not run".
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from benchmarks.calibration.goodness_of_fit.cells import FLOORS, Cell, all_cells
from benchmarks.record import write_study
from benchmarks.sealing import code_hash, sealed
from stochtext._shared.progress import progress

RESULT = Path(__file__).parent.with_name("results") / "goodness_of_fit.json"
PARTS = Path(__file__).with_name("parts")
SOURCES = (
    "stochtext/diagnostics/battery/*.py",
    "stochtext/diagnostics/serial_correlation.py",
    "stochtext/diagnostics/normality.py",
    "stochtext/results/inference/calibration/draws.py",
    "stochtext/results/inference/calibration/further.py",
    "stochtext/results/inference/calibration/scores.py",
    "stochtext/results/inference/refits/grid_replication.py",
    "stochtext/results/inference/refits/replication.py",
    "benchmarks/calibration/goodness_of_fit/designs.py",
    "benchmarks/calibration/goodness_of_fit/replications.py",
    "benchmarks/calibration/goodness_of_fit/cells.py",
)
CHUNK = 25
SEED = 20251123


def main() -> None:
    """Measure the cells that are asked for and not yet there, and store them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--replications", type=int, default=2000, help="of warp-speed cells")
    parser.add_argument("--full", type=int, default=500, help="of full-bootstrap cells")
    parser.add_argument("--cells", default="", help="only cells whose name holds this text")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=1, help="processes; the numbers do not change")
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    stored = finished(options.output)
    for cell in all_cells():
        asked = options.full if cell.method == "full bootstrap" else options.replications
        done = stored.get(cell.name, {})
        if options.cells in cell.name and asked and done.get("replications", 0) < asked:
            stored[cell.name] = measure(cell, asked, options.seed, options.jobs)
            store(stored, options.seed, options.output)
            print(cell.name, stored[cell.name]["seconds"], "s")
    store(stored, options.seed, options.output)


def finished(path: Path) -> dict[str, Any]:
    """Return the cells of a stored study that this code measured."""
    if not path.exists():
        return {}
    record = json.loads(path.read_text("utf-8"))
    if record.get("code") != code_hash(SOURCES):
        return {}
    return {name: cell for name, cell in record["designs"].items() if isinstance(cell, dict)}


def store(cells: dict[str, Any], seed: int, path: Path) -> None:
    """Write all cells, those that nobody measured as "not run"."""
    designs = {cell.name: cells.get(cell.name, "not run") for cell in all_cells()}
    floors = {f"{test}: {design}": floor for (design, test), floor in FLOORS.items()}
    write_study(
        path,
        {"what": "rejections in per cent at a level of 5 %", "seed": seed, "floors": floors,
         "designs": designs},
        seal=lambda record: sealed(record, SOURCES),
    )  # fmt: skip


def measure(cell: Cell, replications: int, seed: int, jobs: int) -> dict[str, Any]:
    """Return the rates of one cell."""
    start, tests = time.process_time(), cell.tests(seed)
    chunks = range(0, replications, CHUNK)
    calls = (delayed(chunk)(cell, seed, first, len(tests)) for first in chunks)
    found = Parallel(n_jobs=jobs, return_as="generator")(calls)
    shown = progress(found, label=cell.name, total=len(chunks))
    pieces, seconds = zip(*shown, strict=True)
    rates = cell.rates(np.concatenate(pieces)[:replications], tests)
    spent = time.process_time() - start + (sum(seconds) if jobs != 1 else 0.0)
    return {**rates, "seconds": round(spent, 1)}


def chunk(cell: Cell, seed: int, first: int, width: int) -> tuple[np.ndarray, float]:
    """Return replications ``first, ..., first + CHUNK - 1``, from disk if they are there."""
    folder = PARTS / f"{code_hash(SOURCES)[:12]}-{seed}" / cell.name.replace(" ", "_")
    path = folder / f"{first:06d}.npy"
    if path.exists():
        return np.load(path), 0.0
    start, rows = time.process_time(), 2 if cell.method == "full bootstrap" else 3
    found = np.full((CHUNK, rows, width), np.nan)
    for k in range(CHUNK):
        found[k] = cell.replicate(cell.drawn, cell.n, seed, cell.design, first + k)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(path, found)
    return found, time.process_time() - start


if __name__ == "__main__":
    main()
