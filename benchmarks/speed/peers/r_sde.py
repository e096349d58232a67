"""Kernel drift with R's package sde, in a process of its own, where Rscript is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["ksdrift_seconds"]

_SCRIPT = """
suppressMessages(library(sde))
given <- commandArgs(trailingOnly = TRUE)
path <- readBin(given[1], "double", n = as.integer(given[2]))
series <- ts(path, deltat = as.numeric(given[3]))
invisible(ksdrift(series, bw = as.numeric(given[4])))
time <- system.time(ksdrift(series, bw = as.numeric(given[4])))
cat(time[["user.self"]] + time[["sys.self"]])
"""


def ksdrift_seconds(path: NDArray[np.float64], dt: float, bandwidth: float) -> float | None:
    """Return the CPU time of ``ksdrift`` (drift only, 512 places), None without R or sde."""
    command = shutil.which("Rscript")
    if command is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "path.bin"
        path.astype(np.float64).tofile(data)
        arguments = [str(data), str(len(path)), repr(dt), repr(bandwidth)]
        done = subprocess.run(
            [command, "-e", _SCRIPT, *arguments], capture_output=True, text=True, check=False
        )
    return float(done.stdout) if done.returncode == 0 else None
