"""Results of a polynomial fit: parameters, and the equation in one line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.named.polynomial import (
    PolynomialDiffusion,
    exponents_of,
    polynomial_degree,
)
from stochtext.results.parametric import ParametricResults

__all__ = ["SparseResults"]

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class SparseResults(ParametricResults):
    """Results of a polynomial diffusion of which some coefficients are zero."""

    kind = "sparse"

    def equation(self, digits: int = 2) -> str:
        """Return the fitted equation, one line per coordinate.

        Parameters
        ----------
        digits : int, default 2
            Decimals of the numbers.

        Returns
        -------
        str
            Coefficients of the drift with their standard errors, as in
            ``dX = (0.98 ± 0.05) X − (1.01 ± 0.06) X³ dt + 0.70 dW``. With several
            coordinates and a constant diffusion the noise is that of the lower factor.
        """
        process = self.process
        assert isinstance(process, PolynomialDiffusion)
        d = process.dim or 1
        names = ["X"] if d == 1 else [str(name) for name in self.record.columns]
        drift = np.asarray(process.params["drift"])
        lines = []
        for j in range(d):
            errors = [self.bse[f"drift[{j},{k}]"] for k in range(drift.shape[1])]
            terms = _terms(drift[j], names)
            signed = [
                (value, f"({abs(value):.{digits}f} ± {errors[k]:.{digits}f})", term)
                for k, (value, term) in enumerate(zip(drift[j], terms, strict=True))
                if value != 0.0
            ]
            lines.append(f"d{names[j]} = {_joined(signed)} dt + {self._noise(j, names, digits)}")
        return "\n".join(lines)

    def _noise(self, j: int, names: Sequence[str], digits: int) -> str:
        params = self.process.params
        if "rate" in params:
            row = np.asarray(params["rate"])[j]
            signed = [
                (value, f"{abs(value):.{digits}f}", term)
                for value, term in zip(row, _terms(row, names), strict=True)
                if value != 0.0
            ]
            wiener = "dW" if len(names) == 1 else f"dW{j}"
            return f"√({_joined(signed)}) {wiener}"
        factor = np.asarray(params["factor"])
        if len(names) == 1:
            return f"{factor[0, 0]:.{digits}f} dW"
        signed = [(factor[j, m], f"{abs(factor[j, m]):.{digits}f}", f"dW{m}") for m in range(j + 1)]
        return _joined(signed)

    def _notes(self) -> list[str]:
        # What was not chosen was not held by the user.
        notes = [note for note in super()._notes() if not note.startswith("Held fixed")]
        return [*notes, f"Equation: {self.equation()}".replace("\n", "; ")]


def _terms(row: FloatArray, names: Sequence[str]) -> list[str]:
    degree = polynomial_degree(len(names), len(row)) or 0
    return [
        " ".join(
            name + (str(power).translate(_SUPERSCRIPTS) if power > 1 else "")
            for name, power in zip(names, exponents, strict=True)
            if power
        )
        for exponents in exponents_of(len(names), degree)
    ]


def _joined(signed: Sequence[tuple[float, str, str]]) -> str:
    if not signed:
        return "0"
    parts = []
    for position, (value, number, term) in enumerate(signed):
        sign = "−" if value < 0 else "+"
        head = ("−" if value < 0 else "") if position == 0 else f" {sign} "
        parts.append(f"{head}{number}{' ' + term if term else ''}")
    return "".join(parts)
