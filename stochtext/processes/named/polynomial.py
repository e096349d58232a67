"""Diffusions with polynomial coefficients in any dimension.

Law of this file: the degree of a polynomial is read off the number of its coefficients, so
that an array of coefficients says everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations_with_replacement
from math import comb
from typing import Any, ClassVar

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_float_array
from stochtext.processes.formula import FormulaProcess

__all__ = [
    "PolynomialDiffusion",
    "evaluated_monomials",
    "exponents_of",
    "monomial_columns",
    "polynomial_degree",
]


@lru_cache(maxsize=64)
def exponents_of(dim: int, degree: int) -> tuple[tuple[int, ...], ...]:
    """Return the exponents of all monomials up to a degree, the lower degrees first.

    Examples
    --------
    >>> from stochtext.processes.named.polynomial import exponents_of
    >>> exponents_of(2, 2)
    ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
    """
    factors = [
        chosen
        for total in range(degree + 1)
        for chosen in combinations_with_replacement(range(dim), total)
    ]
    return tuple(tuple(chosen.count(j) for j in range(dim)) for chosen in factors)


def polynomial_degree(dim: int, n_terms: int) -> int | None:
    """Return the degree of which there are ``n_terms`` monomials; None if there is none."""
    degree = 0
    while comb(dim + degree, dim) < n_terms:
        degree += 1
    return degree if comb(dim + degree, dim) == n_terms else None


def evaluated_monomials(x: Sequence[Any], n_terms: int) -> list[Any]:
    """Return the first ``n_terms`` monomials of d numbers, arrays or symbols."""
    degree = polynomial_degree(len(x), n_terms)
    known: dict[tuple[int, ...], Any] = {}
    for exponents in exponents_of(len(x), degree or 0):
        if not any(exponents):
            known[exponents] = 1.0
            continue
        j = next(k for k, power in enumerate(exponents) if power)
        lower = tuple(power - (k == j) for k, power in enumerate(exponents))
        known[exponents] = known[lower] * x[j] if any(lower) else x[j]
    return list(known.values())


def monomial_columns(x: FloatArray, n_terms: int) -> FloatArray:
    """Return the first ``n_terms`` monomials of states (n, d), shape (n, n_terms)."""
    columns = evaluated_monomials(list(x.T), n_terms)
    return np.stack([np.broadcast_to(c, (len(x),)) for c in columns], axis=1).astype(np.float64)


class PolynomialDiffusion(FormulaProcess):
    """dX_j = sum_k drift[j, k] m_k(X) dt + noise, with the monomials m_k of the coordinates.

    Parameters
    ----------
    drift : array_like of shape (d, K)
        Coefficients of the drift. The monomials are ordered by degree: 1, X_0, ...,
        X_{d-1}, X_0^2, X_0 X_1, ...; K says the degree.
    factor : array_like of shape (d, d), optional
        Constant diffusion sigma; for estimation only a = sigma sigma^T counts.
    rate : array_like of shape (d, K'), optional
        Instead of ``factor``: coefficients of the covariance rates a_jj(X) of independent
        noises. Where a rate is negative the process is not defined and the diffusion is NaN.

    Notes
    -----
    The coefficients are in units of the coordinate j over those of the monomial, per unit
    of time; those of a rate have the squared unit of the coordinate instead.

    Raises
    ------
    InputError
        If not exactly one of ``factor`` and ``rate`` is given, or a number of coefficients is
        that of no polynomial in d coordinates.

    Examples
    --------
    >>> from stochtext.processes import PolynomialDiffusion
    >>> process = PolynomialDiffusion([[0.0, 1.0, 0.0, -1.0]], factor=[[0.7]])
    >>> process.drift([[0.5]])
    array([[0.375]])
    """

    type_name = "polynomial"
    _cholesky_parameters: ClassVar[tuple[str, ...]] = ("factor",)

    def __init__(
        self,
        drift: ArrayLike,
        factor: ArrayLike | None = None,
        rate: ArrayLike | None = None,
    ) -> None:
        if (factor is None) == (rate is None):
            raise InputError("A PolynomialDiffusion needs `factor` or `rate`, one of the two.")
        coefficients = _coefficients("drift", drift)
        d = len(coefficients)
        params: dict[str, Any] = {"drift": coefficients}
        shapes = {"drift": coefficients.shape}
        if rate is None:
            params["factor"] = factor
            shapes["factor"] = (d, d)
        else:
            params["rate"] = _coefficients("rate", rate)
            shapes["rate"] = (d, params["rate"].shape[1])
        super().__init__(
            params,
            dim=d,
            noise="additive" if rate is None else "diagonal",
            shapes=shapes,
            diagonal=rate is not None or d == 1,
        )

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return _polynomials(x, p["drift"])

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        if "rate" in p:
            return [np.sqrt(rate) for rate in _polynomials(x, p["rate"])]
        factor = p["factor"]
        return [factor[0, 0]] if len(x) == 1 else [list(row) for row in factor]


def _coefficients(name: str, value: ArrayLike) -> FloatArray:
    array = np.atleast_2d(as_float_array(name, value))
    if array.ndim != 2 or polynomial_degree(len(array), array.shape[1]) is None:
        raise InputError(
            f"`{name}` needs one row per coordinate and as many columns as there are monomials "
            f"up to some degree; got shape {array.shape}."
        )
    return array


def _polynomials(x: Sequence[Any], coefficients: Any) -> list[Any]:
    monomials = evaluated_monomials(x, coefficients.shape[1])
    rows = []
    for row in coefficients:
        total = row[0]
        for number, monomial in zip(row[1:], monomials[1:], strict=True):
            total = total + number * monomial
        rows.append(total)
    return rows
