"""Measure the speed of the package and store it as JSON and as a Markdown table.

There are three sets of rows, simulation, estimation and training, with a record each. Every
group of rows runs in a process of its own, whose thread pools have one thread, pinned to one core
where rows are not about threads or start-up.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.record import versions, write_record
from benchmarks.speed.plan import Found, Plan
from benchmarks.speed.table import markdown, verdict
from benchmarks.speed.timing import ONE_THREAD, quiet_core

RESULTS = Path(__file__).with_name("results")
SETS = {
    "simulation": (
        "linear_models",
        "milstein",
        "single_path",
        "floors",
        "threads",
        "startup",
        "memory",
        "networks",
    ),
    "estimation": ("kramers_moyal", "kernel_regression", "likelihood"),
    "training": ("neural_fits",),
}
GROUPS = tuple(group for groups in SETS.values() for group in groups)
PEERS = {
    "simulation": ("jax", "jaxlib", "diffrax", "torch", "torchsde", "sdepy", "sdeint"),
    "estimation": ("kramersmoyal", "jumpdiff", "statsmodels", "pymle-diffusion"),
    "training": (),
}
_UNPINNED = ("threads",)
_TIMED = (
    "candidates interleaved, medians of {repeats} repeats after two untimed ones, process CPU time "
    "({scheduling}) with all thread pools at one thread"
)
_HOW = {
    "simulation": _TIMED + "; wall time for P13 and P14. float64 and a preallocated `out=` on our "
    "side unless said; the others allocate, as their interfaces do.",
    "estimation": _TIMED + ". Full fits go through the estimators, results included.",
    "training": "medians of at most three fits after two untimed ones, process CPU time "
    "({scheduling}) with all thread pools at one thread; results included.",
}


def main() -> None:
    """Measure all groups, print the rows and write both files."""
    options = _options()
    plan = Plan(repeats=options.repeats, divisor=options.divisor)
    if options.child:
        _measure_here(options.child, plan, options.child_result)
        return
    failed: list[str] = []
    for name in options.sets:
        groups = [group for group in SETS[name] if group in options.groups]
        if groups:
            failed += _measure_set(name, groups, plan, options.out)
    if failed:
        raise SystemExit(f"Not measured: {', '.join(failed)}.")


def _measure_set(name: str, groups: list[str], plan: Plan, folder: Path) -> list[str]:
    """Measure groups of one set, store them and return those that failed."""
    found, scheduling, failed = Found(), "", []
    for group in groups:
        print(f"{group} ...", flush=True)
        try:
            part, scheduling_here = _measure_apart(group, plan)
        except subprocess.CalledProcessError as error:
            # The other groups took minutes; their rows are stored all the same.
            failed.append(group)
            found.notes.append(f"{group} failed: exit status {error.returncode}.")
            continue
        scheduling = scheduling or scheduling_here
        found.rows |= part.rows
        found.timings |= part.timings
        found.notes += part.notes
        for row, value in part.rows.items():
            print(f"  {row:24} {value:10.3f}  {verdict(row, value)}", flush=True)
    _store(name, found, scheduling, plan, folder)
    return failed


def _store(name: str, found: Found, scheduling: str, plan: Plan, folder: Path) -> None:
    how = _HOW[name].format(repeats=plan.repeats, scheduling=scheduling)
    results = {"how": how, "divisor": plan.divisor, **dataclasses.asdict(found)}
    path = write_record(name, results, folder, versions=versions(*PEERS[name]))
    table = path.with_suffix(".md")
    table.write_text(markdown(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    print(path, table, sep="\n")


def _options() -> Any:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--sets", nargs="+", choices=tuple(SETS), default=tuple(SETS))
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=GROUPS)
    parser.add_argument("--repeats", type=int, default=9, help="timed runs of every candidate")
    parser.add_argument(
        "--divisor", type=int, default=1, help="divide the sizes, for a quick look only"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--child", choices=GROUPS, help=argparse.SUPPRESS)
    parser.add_argument("--child-result", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.repeats < 1 or options.divisor < 1:
        parser.error("--repeats and --divisor must be at least 1.")
    return options


def _measure_apart(group: str, plan: Plan) -> tuple[Found, str]:
    """Measure a group in a fresh process, whose environment is set before anything is imported."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "found.json"
        command = [sys.executable, "-m", "benchmarks.speed", "--child", group]
        command += ["--child-result", str(path)]
        command += ["--repeats", str(plan.repeats), "--divisor", str(plan.divisor)]
        subprocess.run(command, env={**os.environ, **ONE_THREAD}, check=True)
        stored = json.loads(path.read_text(encoding="utf-8"))
    return Found(**stored["found"]), stored["scheduling"]


def _measure_here(group: str, plan: Plan, path: Path) -> None:
    scheduling = quiet_core(None if group in _UNPINNED else 0)
    measure = importlib.import_module(f"benchmarks.speed.groups.{group}").measure
    stored = {"found": dataclasses.asdict(measure(plan)), "scheduling": scheduling}
    path.write_text(json.dumps(stored), encoding="utf-8")


if __name__ == "__main__":
    main()
