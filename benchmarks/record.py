"""How a benchmark is stored: one JSON file with versions and date, for timings with the machine."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from joblib import Parallel, delayed

import stochtext
from benchmarks.sealing import sealed
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


def write_study(
    path: Path,
    values: dict[str, Any],
    *,
    seal: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> None:
    """Write a study of error rates to ``path``, with date, versions and, if told, a seal."""
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
    if seal is not None:
        record = seal(record)
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
    sources: Sequence[str] = (),
    **facts: Any,
) -> dict[str, Any]:
    """Measure every design, store the study and return it; an interrupted run is taken up again.

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
    sources : sequence of str
        Paths or globs of the code that is measured: the study is sealed with their hash, and
        the documentation refuses it when they have changed.
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
    settings = {"samples": options.samples, "seed": options.seed, **facts}
    kept = _Unfinished(options.output, settings)
    missing = [name for name in names if name not in kept.designs]
    calls = (delayed(measure)(name, options.samples, options.seed) for name in missing)
    found = Parallel(n_jobs=options.jobs, return_as="generator")(calls)
    for name, row in zip(
        missing, progress(found, label="designs", total=len(missing)), strict=True
    ):
        kept.add(name, row)
    rows = {name: kept.designs[name] for name in names}
    seconds = round(time.perf_counter() - start, 1)
    values = {"what": what, **settings, "seconds": seconds, "designs": rows}
    seal = (lambda record: sealed(record, sources)) if sources else None
    write_study(options.output, values, seal=seal)
    kept.forget()
    return rows


class _Unfinished:
    """Designs that an interrupted run with the same settings has measured."""

    def __init__(self, output: Path, settings: dict[str, Any]) -> None:
        self._path = output.with_suffix(".unfinished.json")
        self._settings = json.loads(json.dumps(settings))
        self.designs: dict[str, Any] = {}
        if self._path.exists():
            stored = json.loads(self._path.read_text("utf-8"))
            if stored["settings"] == self._settings:
                self.designs = stored["designs"]

    def add(self, name: str, row: dict[str, Any]) -> None:
        """Keep what one design came to."""
        self.designs[name] = row
        self._path.parent.mkdir(parents=True, exist_ok=True)
        stored = {"settings": self._settings, "designs": self.designs}
        self._path.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")

    def forget(self) -> None:
        """Remove the file of the unfinished run."""
        self._path.unlink(missing_ok=True)


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
