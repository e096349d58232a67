"""The coefficients of a process made of two parts and a support, as source text."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.compiled.source import CoefficientSource

__all__ = ["extrapolation_source"]

_MODULE = "stochtext.processes.compiled.extrapolation"

_COEFFICIENT = """
@kernel
def {prefix}{name}(t, x, theta, out):
    known = count_contained(x, theta, {place})
    if known > 0:
        {prefix}inside_{inside}(t, x, part_of(theta, 0, {middle}), out)
    if known == 0:
        {prefix}outside_{outside}(t, x, part_of(theta, {middle}, {rest}), out)
    elif known < x.shape[1]:
        other = np.empty(out.shape, FLOAT)
        {prefix}outside_{outside}(t, x, part_of(theta, {middle}, {rest}), other)
        take_outside(x, theta, {place}, other, out)
"""

_PLACED = """
@routine
def {prefix}{part}_placed(t, x, theta, out):
    own = np.empty(({rows}, x.shape[1]), FLOAT)
    {prefix}{part}_diffusion(t, x, theta, own)
    place_diffusion(own, {d}, {own_dim}, {diagonal}, out)
"""


def extrapolation_source(
    prefix: str, inside: CoefficientSource, outside: CoefficientSource, support: FloatArray
) -> CoefficientSource:
    """Return the source of the whole from the sources of its parts.

    Parameters
    ----------
    prefix : str
        What the names of the whole begin with. Those of the parts go on with ``inside_`` and
        ``outside_``.
    inside, outside : CoefficientSource
    support : ndarray
        Lower and upper corner, centre, precision and radius, one behind the other.
    """
    d, noise_dim = inside.dim, max(inside.noise_dim, outside.noise_dim)
    diagonal = inside.diagonal and outside.diagonal
    texts, diffusions = [inside.text, outside.text], {}
    for name, part in (("inside", inside), ("outside", outside)):
        fits = part.diagonal if diagonal else not part.diagonal and part.noise_dim == noise_dim
        diffusions[name] = "diffusion" if fits else "placed"
        if not fits:
            rows = d if part.diagonal else d * part.noise_dim
            texts.append(
                _PLACED.format(
                    prefix=prefix, part=name, rows=rows, d=d, own_dim=part.noise_dim,
                    diagonal=part.diagonal,
                )
            )  # fmt: skip
    middle, rest = inside.theta.size, outside.theta.size
    drifts = {"inside": "drift", "outside": "drift"}
    for name, functions in (("drift", drifts), ("diffusion", diffusions)):
        texts.append(
            _COEFFICIENT.format(
                prefix=prefix, name=name, place=middle + rest, middle=middle, rest=rest, **functions
            )
        )
    return CoefficientSource(
        text="\n".join(texts),
        sources=tuple(dict.fromkeys((*inside.sources, *outside.sources, _MODULE))),
        theta=np.concatenate([inside.theta, outside.theta, support]),
        dim=d,
        noise_dim=noise_dim,
        diagonal=diagonal,
        costly=inside.costly or outside.costly,
    )
