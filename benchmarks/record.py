"""How a benchmark is stored: one JSON file with versions and date, for timings with the machine."""

from __future__ import annotations

import datetime
import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import scipy

import stochtext

RESULTS = Path(__file__).parent / "results"


def write_record(name: str, results: dict[str, Any], folder: Path) -> Path:
    """Write ``results`` to ``folder/name.json`` and return the path."""
    record = {
        "benchmark": name,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "version": stochtext.__version__,
        "machine": {
            "architecture": platform.machine(),
            "cores": os.cpu_count(),
            "system": platform.system(),
            "python": platform.python_version(),
        },
        "results": results,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return path


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
