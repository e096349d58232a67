"""What a process says about its coefficients as machine code: source text and parameters."""

from __future__ import annotations

from dataclasses import dataclass

from stochtext._shared.typing import FloatArray

__all__ = ["CoefficientSource"]


@dataclass(frozen=True)
class CoefficientSource:
    """Source of functions ``coefficient(t, x, theta, out)`` on many states at once.

    t is a number, x has shape (d, lanes), one column a state; theta holds all parameters; out
    has shape (rows, lanes).

    Parameters
    ----------
    text : str
        Defines ``{prefix}drift`` with d rows and ``{prefix}diffusion`` with d rows (the
        diagonal of sigma) or d * m rows (sigma row by row), decorated with ``@kernel``.
        It may define ``{prefix}correction`` (for Milstein's scheme; diagonal noise: row j is
        sigma_j d sigma_j / d x_j; else row (p d + j) m + q is the sum over k of
        sigma_kp d sigma_jq / d x_k) and ``{prefix}jacobian`` (row j d + k is d b_j / d x_k).
    sources : tuple of str
        Modules of the package whose functions the text calls.
    theta : ndarray of shape (n_parameters,)
        All parameters.
    dim, noise_dim : int
        Number of coordinates d and of noise sources m.
    diagonal : bool
        Whether the diffusion has d rows, one noise source for each coordinate.
    provides : frozenset of str
        Which of "correction" and "jacobian" the text defines; central differences stand in
        for the others.
    costly : bool
        Whether a state costs so much, as in a network, that a tile should hold no more
        states than are asked for.
    constant_diffusion : bool
        Whether the diffusion depends on neither t nor x.
    """

    text: str
    sources: tuple[str, ...]
    theta: FloatArray
    dim: int
    noise_dim: int
    diagonal: bool
    provides: frozenset[str] = frozenset()
    costly: bool = False
    constant_diffusion: bool = False
