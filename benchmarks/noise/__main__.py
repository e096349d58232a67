"""Measure the statistical quality of the noise and store it as JSON and Markdown.

Own tests of normal numbers and raw words, and the batteries TestU01 and dieharder where they are
installed, each in three orders of the stream.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.noise import dieharder, testu01
from benchmarks.noise.avalanche import avalanche, neighbouring_streams
from benchmarks.noise.own_tests import correlations, distribution, moments, uniform_words
from benchmarks.noise.page import counts, markdown
from benchmarks.noise.streams import ORDERS, normals, word_chunks
from benchmarks.record import versions, write_record

RESULTS = Path(__file__).with_name("results")
KEY = 0x243F6A8885A308D3
SEED = 20251123


def main() -> None:
    """Run everything that was asked for, print the counts and write both files."""
    options = _options()
    sets: dict[str, dict[str, Any]] = {}

    def run(name: str, measure: Callable[[], dict[str, float]]) -> None:
        start = _cpu_seconds()
        found = measure()
        seconds = round(_cpu_seconds() - start, 1)
        sets[name] = {**counts(found), "cpu_s": seconds, "p-values": found}
        print(f"{name:50} {sets[name]['tests']:4} tests", end="")
        print(f" {sets[name]['weak']:3} weak {sets[name]['failed']:3} failed", flush=True)

    for order in options.orders:
        run(f"normal numbers, {order}", lambda order=order: _normal_tests(order, options.normals))
        run(f"words, {order}", lambda order=order: _word_tests(order, options.words))
    run("addresses", lambda: _address_tests(options.bases))
    for name, measure in _standard(options):
        run(name, measure)
    facts = {"versions": versions(), "key": KEY, "seed": SEED}
    facts |= {"batteries": _batteries(), "missing": _missing()}
    path = write_record("noise", {"orders": ORDERS, "sets": sets}, options.out, **facts)
    table = path.with_suffix(".md")
    table.write_text(markdown(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    print(path, table, sep="\n")


def _options() -> Any:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.noise", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--orders", nargs="+", choices=tuple(ORDERS), default=tuple(ORDERS))
    parser.add_argument("--normals", type=int, default=2**24, help="normal numbers per order")
    parser.add_argument("--words", type=int, default=2**28, help="32-bit words per order")
    parser.add_argument("--bases", type=int, default=2048, help="inputs of the avalanche test")
    parser.add_argument(
        "--testu01",
        nargs="*",
        choices=tuple(testu01.BATTERIES),
        default=("SmallCrush", "Rabbit", "Alphabit"),
        help="Crush takes an hour an order, BigCrush most of a day",
    )
    parser.add_argument("--bits", type=float, default=2.0**30, help="bits for Rabbit and Alphabit")
    parser.add_argument("--dieharder", choices=("all", "quick", "none"), default="all")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.normals % 2**16 or options.normals < 2**16:
        parser.error("--normals must be a multiple of 65536.")
    if options.words % 2**20 or options.words < 2**20:
        parser.error("--words must be a multiple of 1048576.")
    return options


def _normal_tests(order: str, count: int) -> dict[str, float]:
    z = normals(order, SEED, count)
    return {**moments(z), **distribution(z), **correlations(z)}


def _word_tests(order: str, count: int) -> dict[str, float]:
    return uniform_words(itertools.islice(word_chunks(order, KEY), count // 2**20))


def _address_tests(bases: int) -> dict[str, float]:
    rng = np.random.default_rng(SEED)
    return {**avalanche(bases, rng), **neighbouring_streams(KEY, 2**22)}


def _standard(options: Any) -> list[tuple[str, Callable[[], dict[str, float]]]]:
    """Return the standard batteries that are installed and were asked for."""
    found: list[tuple[str, Callable[[], dict[str, float]]]] = []
    for order in options.orders:
        for battery in options.testu01 if testu01.available() else ():
            # Rabbit and Alphabit look at all bits; the others at the highest ones.
            for reverse in (False, True) if battery.endswith("Crush") else (False,):
                name = f"TestU01 {battery}, {order}{', bits reversed' if reverse else ''}"
                found.append((name, _testu01(battery, order, reverse, options.bits)))
        if dieharder.available() and options.dieharder != "none":
            found.append((f"dieharder, {order}", _dieharder(order, options.dieharder == "quick")))
    return found


def _testu01(
    battery: str, order: str, reverse: bool, bits: float
) -> Callable[[], dict[str, float]]:
    def measure() -> dict[str, float]:
        return testu01.run_battery(battery, word_chunks(order, KEY), bits=bits, reverse=reverse)

    return measure


def _dieharder(order: str, quick: bool) -> Callable[[], dict[str, float]]:
    return lambda: dieharder.run_dieharder(word_chunks(order, KEY), quick=quick)


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of those it has waited for."""
    return sum(os.times()[:4])


def _batteries() -> dict[str, str]:
    """Return the versions of the batteries, where Debian's package manager knows them."""
    packages = {"TestU01": "libtestu01-0", "dieharder": "dieharder"}
    if shutil.which("dpkg-query") is None:
        return {}
    ask = ["dpkg-query", "--show", "--showformat", "${Version}"]
    done = {
        name: subprocess.run([*ask, package], capture_output=True, text=True, check=False)
        for name, package in packages.items()
    }
    return {name: one.stdout for name, one in done.items() if one.returncode == 0}


def _missing() -> list[str]:
    found = {"TestU01": testu01.available(), "dieharder": dieharder.available()}
    return [name for name, there in found.items() if not there]


if __name__ == "__main__":
    main()
