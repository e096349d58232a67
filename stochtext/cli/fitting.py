"""What ``fit`` and ``compare`` do once their options are read."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from stochtext._shared.random import generator
from stochtext.analysis.order import order_control
from stochtext.analysis.order_result import OrderControl
from stochtext.cli.corpus import options_of_corpus, read_corpus
from stochtext.cli.options import MODELS
from stochtext.cli.telling import headline, say, table, warn
from stochtext.comparison.compare import compare
from stochtext.estimators import KernelSDE, KramersMoyalSDE, LinearSDE, NeuralSDE
from stochtext.report.page import report
from stochtext.trajectories.panel import Trajectories

__all__ = ["check_output", "command_line", "controlled", "estimator", "run_compare", "run_fit"]

# Refits behind the p-values of models that are refitted in a moment.
QUICK = {"linear": 199}


def estimator(name: str, seed: int) -> Any:
    """Return the unfitted estimator that a name on the command line means."""
    if name == "neural":
        # A document has a beginning and an end: its drift may depend on the position.
        start = int(generator(seed, "neural").integers(2**31 - 1))
        return NeuralSDE(time="relative", random_state=start)
    if name == "linear":
        return LinearSDE(trend="linear")
    return KernelSDE() if name == "kernel" else KramersMoyalSDE()


def run_fit(
    *,
    model: str,
    seed: int,
    permutations: int,
    jobs: int,
    output: Path | None,
    save: Path | None,
    check: bool,
    refits: int | None = None,
    **options: Any,
) -> int:
    """Fit, control, test, report; return the exit code."""
    check_output(output, save)
    corpus = read_corpus(**options_of_corpus(options), seed=seed)
    control = controlled(corpus.plain, permutations, seed, jobs)
    headline(f"Fit: {model}")
    fitted = estimator(model, seed).fit(corpus.panel)
    table(fitted.results_.summary())
    headline("Goodness of fit")
    tests = fitted.results_.goodness_of_fit(
        n_boot=QUICK.get(model, 0) if refits is None else refits, random_state=seed, n_jobs=jobs
    )
    table(tests.summary())
    if save is not None:
        fitted.results_.save(save)
        say(f"Results saved to {save}.")
    parts = {
        "The documents as trajectories": corpus.panel,
        "Order control": control,
        f"The {model} model": fitted,
        "Goodness of fit": tests,
    }
    _report(parts, output, f"{model} model of {len(corpus.panel)} documents", seed)
    return int(check and (not control.detected() or bool(tests.rejected())))


def run_compare(
    *,
    models: tuple[str, ...],
    folds: int,
    seed: int,
    permutations: int,
    jobs: int,
    output: Path | None,
    **options: Any,
) -> int:
    """Compare, control, report; return the exit code."""
    check_output(output)
    corpus = read_corpus(**options_of_corpus(options), seed=seed)
    control = controlled(corpus.plain, permutations, seed, jobs)
    headline("Comparison")
    chosen = dict.fromkeys(models or MODELS)
    comparison = compare(
        {name: estimator(name, seed) for name in chosen},
        corpus.panel, cv=folds, random_state=seed, n_jobs=jobs,
    )  # fmt: skip
    table(comparison.summary())
    parts = {
        "The documents as trajectories": corpus.panel,
        "Order control": control,
        "Comparison": comparison,
    }
    _report(parts, output, f"Models of {len(corpus.panel)} documents", seed)
    return 0


def controlled(panel: Trajectories, permutations: int, seed: int, jobs: int) -> OrderControl:
    """Run the order control, print it, and warn where there is nothing to fit."""
    headline("Order control")
    control = order_control(panel, n_permutations=permutations, random_state=seed, n_jobs=jobs)
    table(control.summary())
    if not control.detected():
        warn("no detectable dynamics in these documents: what a model fits here is not movement.")
    return control


def command_line() -> str:
    """Return the command as it was typed."""
    return shlex.join(["stochtext", *sys.argv[1:]])


def check_output(output: Path | None, save: Path | None = None) -> None:
    """Refuse a report or results that could not be written, before anything is computed."""
    from stochtext._shared.exceptions import InputError

    if output is not None and output.suffix.lower() not in (".html", ".htm", ".md"):
        raise InputError(f"--output must end in .html or .md; got {output.name!r}.")
    for option, path in (("--output", output), ("--save", save)):
        if path is None:
            continue
        folder = path.absolute().parent
        if not folder.is_dir():
            raise InputError(f"{option}: there is no folder {str(folder)!r}.")
        if not os.access(path if path.exists() else folder, os.W_OK):
            raise InputError(f"{option}: {str(path)!r} cannot be written; choose another place.")


def _report(parts: dict[str, Any], output: Path | None, title: str, seed: int) -> None:
    if output is None:
        return
    path = report(parts, output, title=title, command=command_line(), seed=seed)
    say(f"Report written to {path}.")
