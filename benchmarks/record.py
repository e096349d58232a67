"""How a benchmark is stored: one JSON file with versions and date, for timings with the machine."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import time
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from joblib import Parallel, delayed

import stochtext
from stochtext._shared.progress import progress

RESULTS = Path(__file__).parent / "results"


#: Flags of /proc/cpuinfo that say how wide a processor calculates.
_VECTOR_FLAGS = ("sse2", "sse4_2", "avx", "avx2", "fma", "avx512f", "avx512dq", "asimd", "sve")


def write_record(name: str, results: dict[str, Any], folder: Path, **facts: Any) -> Path:
    """Write ``results`` to ``folder/name.json``, with ``facts`` beside them; return the path."""
    record = {
        "benchmark": name,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "version": stochtext.__version__,
        "machine": machine(),
        **facts,
        "results": results,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return path


def machine() -> dict[str, Any]:
    """Return what timings depend on."""
    return {
        "architecture": platform.machine(),
        "processor": _cpu_line("model name") or platform.processor() or "unknown",
        "vectors": [
            flag
            for flag in _VECTOR_FLAGS
            if flag in (_cpu_line("flags") or _cpu_line("Features")).split()
        ],
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of what everything here uses and of further packages."""
    own = {
        "python": platform.python_version(),
        "stochtext": stochtext.__version__,
        **{name: metadata.version(name) for name in ("numpy", "scipy", "numba", "llvmlite")},
    }
    return {**own, **{name: _version(name) for name in packages}}


def write_study(path: Path, values: dict[str, Any]) -> None:
    """Write a study of error rates to ``path``, with date and versions."""
    record = {
        **values,
        "date": datetime.date.today().isoformat(),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "stochtext": stochtext.__version__,
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def run_study(
    about: str,
    what: str,
    designs: Iterable[str],
    measure: Callable[[str, int, int], dict[str, Any]],
    result: Path,
    *,
    samples: int,
    **facts: Any,
) -> dict[str, Any]:
    """Measure every design, store the study and return it.

    Parameters
    ----------
    about : str
        What the script does, for its ``--help``.
    what : str
        What the stored numbers are.
    designs : iterable of str
    measure : callable
        From name of a design, number of samples and seed to its numbers.
    result : Path
        Where the study is stored.
    samples : int
        Samples per design, unless told otherwise.
    **facts
        Stored beside the numbers.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--samples", type=int, default=samples, help="samples per design")
    parser.add_argument("--seed", type=int, default=20251123)
    parser.add_argument("--jobs", type=int, default=1, help="processes; the numbers do not change")
    parser.add_argument("--output", type=Path, default=result)
    options = parser.parse_args()
    names, start = list(designs), time.perf_counter()
    calls = (delayed(measure)(name, options.samples, options.seed) for name in names)
    found = Parallel(n_jobs=options.jobs, return_as="generator")(calls)
    rows = dict(zip(names, progress(found, label="designs", total=len(names)), strict=True))
    settings = {"samples": options.samples, "seed": options.seed, **facts}
    seconds = round(time.perf_counter() - start, 1)
    write_study(options.output, {"what": what, **settings, "seconds": seconds, "designs": rows})
    return rows


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _cpu_line(name: str) -> str:
    """Return the first value of this name in /proc/cpuinfo; empty where there is none."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
    values = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for key, _, value in values if key.strip() == name), "")
