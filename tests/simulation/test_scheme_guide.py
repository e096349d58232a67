"""The tables of the guide say what the schemes and the processes themselves declare."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from stochtext import processes
from stochtext.processes import GeometricBrownianMotion, OrnsteinUhlenbeck, Process
from stochtext.processes.closed_forms import KnownTransition
from stochtext.simulation import SCHEMES, simulate

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"


def rows_of(page, name):
    text = (GUIDE / page).read_text(encoding="utf-8")
    table = text.split(f"<!-- {name} -->")[1].split("<!-- end -->")[0]
    rows = [line.strip("| \n").split(" | ") for line in table.splitlines() if "| `" in line]
    return {re.match(r'`"?(\w+)', row[0])[1]: row for row in rows}


SCHEME_ROWS = rows_of("simulation.md", "schemes")
PROCESS_ROWS = rows_of("processes.md", "processes")


def orders(scheme, noise):
    if noise not in scheme.noise:
        return "–"
    shown = [
        "∞" if np.isinf(order) else f"{order:g}"
        for order in (scheme.strong_order[noise], scheme.weak_order[noise])
    ]
    return ("≥ " if scheme.order_is_bound else "") + " / ".join(shown)


def test_every_scheme_has_its_row():
    assert list(SCHEME_ROWS) == list(SCHEMES)


@pytest.mark.parametrize("name", SCHEMES)
def test_orders_are_those_that_the_scheme_declares(name):
    expected = [orders(SCHEMES[name], noise) for noise in ("additive", "diagonal", "general")]
    assert SCHEME_ROWS[name][1:4] == expected


class Counted(Process):
    """A process that counts how often it is asked."""

    def __init__(self, process):
        super().__init__(dim=process.dim, noise=process.noise, noise_dim=process.noise_dim)
        self.process = process
        self.asked = np.zeros(2, dtype=int)

    def _drift(self, x, t):
        self.asked[0] += 1
        return self.process.drift(x, t)

    def _diffusion(self, x, t):
        self.asked[1] += 1
        return self.process.diffusion(x, t)


@pytest.mark.parametrize(
    ("name", "process", "where"),
    [
        ("euler", GeometricBrownianMotion(0.1, 0.2), r"^(\d) \+ (\d)"),
        ("srk", GeometricBrownianMotion(0.1, 0.2), r"^(\d) \+ (\d)"),
        ("srk", OrnsteinUhlenbeck(1.0, 0.5, 0.6), r"additive (\d) \+ (\d)"),
        ("weak2", GeometricBrownianMotion(0.1, 0.2), r"^(\d) \+ (\d)"),
    ],
)
def test_evaluations_of_a_step_are_those_in_the_table(name, process, where):
    def asked(n_steps):
        counted = Counted(process)
        simulate(counted, 1.0, dt=0.1, n_steps=n_steps, scheme=name, random_state=0)
        return counted.asked

    found = re.search(where, SCHEME_ROWS[name][4])
    assert (asked(6) - asked(5)).tolist() == [int(found[1]), int(found[2])]


def named_processes():
    kinds = [getattr(processes, name) for name in processes.__all__]
    return [
        kind
        for kind in kinds
        if inspect.isclass(kind)
        and issubclass(kind, Process)
        and re.search(r"\.(named|linear)\.", kind.__module__)
    ]


def closed_forms(kind):
    known = {
        "T": hasattr(kind, "transition_density"),
        "M": hasattr(kind, "conditional_mean"),
        "S": hasattr(kind, "stationary_density"),
        "X": kind.exact_normals is not Process.exact_normals
        or getattr(kind, "_transition_quantile", None)
        not in (None, KnownTransition._transition_quantile),
    }
    return " ".join(letter for letter, there in known.items() if there) or "–"


def test_every_named_process_has_its_row():
    assert sorted(PROCESS_ROWS) == sorted(kind.__name__ for kind in named_processes())


@pytest.mark.parametrize("kind", named_processes(), ids=lambda kind: kind.__name__)
def test_parameters_and_closed_forms_are_those_of_the_process(kind):
    signature = inspect.signature(kind).parameters.values()
    names = ", ".join(p.name for p in signature if p.kind is p.POSITIONAL_OR_KEYWORD)
    row = PROCESS_ROWS[kind.__name__]
    assert row[0] == f"`{kind.__name__}({names})`"
    assert row[-1] == closed_forms(kind)
