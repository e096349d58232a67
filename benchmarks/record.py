"""How a benchmark of speed is stored: one JSON file with machine, version and date."""

from __future__ import annotations

import datetime
import json
import os
import platform
from pathlib import Path
from typing import Any

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
