"""The coefficients of an ensemble of networks as source text: sizes in it, numbers in theta."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.compiled.elementary import sources_of
from stochtext.processes.compiled.source import CoefficientSource

__all__ = ["network_source"]

_ROOM = "stochtext.processes.compiled"
# Rows of hidden layers, and inputs of the last one, come in multiples of these numbers.
_BLOCK = 8
_PARTS = 4
# Numbers of 64 bytes, so that the hidden units of one state start where a vector may start.
_ALIGNED = 16
# Rows of 128 bytes that a thread's stack can take.
_MOST_ON_STACK = 512

_COEFFICIENT = """
@routine
def {name}_strip(t, x, theta, out, first, lanes, work):
    wide_vectors()
{strip}


@routine
def {name}_state(t, x, theta, out, first):
    wide_vectors()
    lanes = 1
    work = local_rows(theta, {rows}, 1)
{state}


@kernel
def {name}(t, x, theta, out):
    lanes = x.shape[1]
    whole = whole_strips(lanes)
    if whole > 0:
        work = {memory}
        for first in range(0, whole, STRIP):
            {name}_strip(t, x, theta, out, first, min(STRIP, whole - first), work)
    for first in range(whole, lanes):
        {name}_state(t, x, theta, out, first)
"""

_CONSTANT = """
@kernel
def {name}(t, x, theta, out):
    wide_vectors()
    constant_rows(theta, out)
"""


def network_source(
    prefix: str, arrays: Mapping[str, FloatArray], form: str, constant: FloatArray | None
) -> CoefficientSource:
    """Return the source for the arrays of a ``NetworkProcess``.

    Parameters
    ----------
    prefix : str
        Put before the names of the functions.
    arrays : mapping of str to ndarray
        Units and parameters, as ``NetworkProcess`` takes them.
    form : str
        What of the covariance rate the network moves.
    constant : ndarray of shape (d, d) or None
        The diffusion where it does not depend on the state.
    """
    numbers = _Numbers()
    numbers.add(arrays["centre"], 1.0 / arrays["spread"])
    d = len(arrays["drift_unit"])
    text = _drift_text(f"{prefix}drift", arrays, numbers)
    if constant is None:
        diagonal = d == 1 or form == "diagonal"
        text += "\n" + _diffusion_text(f"{prefix}diffusion", arrays, form, numbers)
    else:
        diagonal = not np.any(constant - np.diag(np.diag(constant)))
        numbers.add(np.diag(constant) if diagonal else constant)
        text += "\n" + _CONSTANT.format(name=f"{prefix}diffusion")
    elementary = sources_of(("exp", "tanh"))
    return CoefficientSource(
        text=text,
        sources=(*elementary, f"{_ROOM}.linear", f"{_ROOM}.network"),
        theta=numbers.flat(),
        dim=d,
        noise_dim=d,
        diagonal=diagonal,
        costly=True,
    )


class _Numbers:
    """The parameters, one behind the other."""

    def __init__(self) -> None:
        self._parts: list[FloatArray] = []
        self.count = 0

    def add(self, *arrays: FloatArray) -> int:
        """Append arrays and return the place of the first one."""
        place = self.count
        for array in arrays:
            self._parts.append(np.ravel(array))
            self.count += np.size(array)
        return place

    def flat(self) -> FloatArray:
        return np.concatenate(self._parts)


class _Layers:
    """One network of every member: where its parameters stand behind those of the member.

    Hidden layers are filled up with units that are always zero.
    """

    def __init__(self, arrays: Mapping[str, FloatArray], room: str, unit: FloatArray) -> None:
        names = [name for name in arrays if name.startswith(f"{room}.layer")]
        self.depth = len(names) // 2
        self.inputs = len(arrays["centre"])
        self.outputs = 0
        if not names:
            return
        self.hidden = [
            (arrays[f"{room}.layer{k}.weight"], arrays[f"{room}.layer{k}.bias"])
            for k in range(self.depth)
        ]
        self.last = arrays[f"{room}.layer{self.depth}.weight"] * unit
        self.outputs = self.last.shape[2]
        self.widths = [_up(weight.shape[2], _BLOCK) for weight, _ in self.hidden]

    @property
    def rows(self) -> int:
        """Rows of the inputs."""
        return self.inputs if self.depth or not self.outputs else _up(self.inputs, _PARTS)

    @property
    def widest(self) -> int:
        """Rows of the widest hidden layer."""
        return max(self.widths, default=0) if self.outputs else 0

    def parameters(self, member: int) -> list[FloatArray]:
        """Return what one member needs, in the order of ``calls``."""
        parts, above = [], self.inputs
        for (weight, bias), width in zip(self.hidden, self.widths, strict=True):
            parts += [_filled(weight[member], (above, width)), _filled(bias[member], (1, width))]
            above = width
        last = self.last[member].T
        return [*parts, _filled(last, (self.outputs, _up(above, _PARTS)))]

    def calls(self, place: int, below: int, y: int, kind: str) -> list[str]:
        """Return the lines for one member, whose parameters start at ``at + place``.

        Hidden layers take turns between two blocks of rows from row ``below`` on; outputs are
        added to row ``y``.
        """
        lines, x, above, turn = [], 0, self.inputs, below
        for units in self.widths:
            bias = place + above * units
            layer = f"at + {place}, at + {bias}, work, {x}, {above}, {turn}, {units}"
            lines.append(f"hidden_{kind}(theta, {layer})")
            x, turn = turn, below + self.widest if turn == below else below
            place, above = bias + units, units
        last = f"at + {place}, work, {x}, {_up(above, _PARTS)}, {y}, {self.outputs}"
        return [*lines, f"last_{kind}(theta, {last})"]


def _drift_text(name: str, arrays: Mapping[str, FloatArray], numbers: _Numbers) -> str:
    unit, members = arrays["drift_unit"], len(arrays["drift.intercept"])
    layers = _Layers(arrays, "drift", unit / members)
    d, below = len(unit), _up(layers.rows, _ALIGNED)
    y = below + 2 * layers.widest
    level = numbers.add(unit * arrays["drift.intercept"].mean(axis=0))
    slope = (unit * arrays["drift.slope"].mean(axis=0)).T
    moves = bool(np.any(slope))
    first_slope = numbers.add(slope) if moves else 0
    start, each = _add_members(numbers, layers, members, [[]] * members)

    def body(kind: str) -> list[str]:
        lines = [
            _standardise(layers),
            f"set_rows(theta, {level}, work, {y}, {d})",
        ]
        if moves:
            sizes = f"{layers.inputs}, {y}, {d}"
            lines.append(f"add_linear_part(theta, {first_slope}, work, {sizes})")
        if layers.outputs:
            lines += [f"for member in range({members}):", f"    at = {start} + member * {each}"]
            lines += _indented(layers.calls(0, below, y, kind))
        return [*lines, f"write_rows(work, {y}, {d}, out, first, lanes)"]

    return _coefficient(name, y + d, body)


def _diffusion_text(
    name: str, arrays: Mapping[str, FloatArray], form: str, numbers: _Numbers
) -> str:
    d, members = len(arrays["noise_unit"]), len(arrays["drift.intercept"])
    triangle = d > 1 and form != "diagonal"
    layers = _Layers(arrays, "covariance", np.ones(1))
    rows, below = d + triangle * (d * (d - 1) // 2), _up(layers.rows, _ALIGNED)
    y = below + 2 * layers.widest
    total = y + rows
    lower = arrays["covariance.lower"][..., : rows - d]
    before = [
        [arrays["covariance.log_scale"][m], arrays["noise_unit"], np.zeros(d), lower[m]]
        for m in range(members)
    ]
    start, each = _add_members(numbers, layers, members, before)

    def body(kind: str) -> list[str]:
        sizes = f"{d}, {triangle}"
        member = [
            f"set_rows(theta, at + {2 * d}, work, {y}, {rows})",
            *layers.calls(2 * d + rows, below, y, kind),
            f"scale_factor(theta, at, work, {y}, {sizes})",
        ]
        if members == 1:
            lines, found = [f"at = {start}", *member], y
        else:
            member.append(f"add_products_of_factor(work, {y}, {total}, {sizes})")
            lines, found = (
                [
                    f"work[{total} : {total + rows}] = FLOAT(0.0)",
                    f"for member in range({members}):",
                    f"    at = {start} + member * {each}",
                    *_indented(member),
                    f"factorise(work, {total}, {sizes}, {members})",
                ],
                total,
            )
        write = "write_factor" if triangle else "write_rows"
        last = f"{write}(work, {found}, {d}, out, first, lanes)"
        return [_standardise(layers), *lines, last]

    return _coefficient(name, total + rows, body)


def _add_members(
    numbers: _Numbers, layers: _Layers, members: int, before: Sequence[Sequence[FloatArray]]
) -> tuple[int, int]:
    """Append what every member needs; return the place of the first one and its length."""
    start = numbers.count
    for member in range(members):
        numbers.add(*before[member], *(layers.parameters(member) if layers.outputs else []))
    return start, (numbers.count - start) // members


def _standardise(layers: _Layers) -> str:
    return f"standardise(t, x, first, lanes, theta, {layers.inputs}, {layers.rows}, work)"


def _coefficient(name: str, rows: int, body: Callable[[str], list[str]]) -> str:
    texts = {kind: "\n".join(_indented(body(kind))) for kind in ("strip", "state")}
    stack = rows <= _MOST_ON_STACK
    memory = f"local_rows(theta, {rows}, STRIP)" if stack else f"np.empty(({rows}, STRIP), FLOAT)"
    return _COEFFICIENT.format(name=name, rows=rows, memory=memory, **texts)


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _up(number: int, step: int) -> int:
    return -(-number // step) * step


def _filled(array: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Return the array with zeros after its rows and columns."""
    return np.pad(array, [(0, to - size) for to, size in zip(shape, array.shape, strict=True)])
