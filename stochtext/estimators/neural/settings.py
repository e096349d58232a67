"""Everything that training needs to know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext.estimators.neural.networks.architecture import Architecture
from stochtext.estimators.neural.training.checkpointing import Checkpoint

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """Everything that training needs to know.

    Attributes
    ----------
    hidden, diffusion_hidden : tuple of int
    form : {"full", "constant-correlation", "diagonal", "constant"}
    linear_skip : bool
    n_starts : int
    ridge : float or None
        Fixed precision of the weights; None leaves it to ``evidence`` or cross-validation.
    evidence : bool
        Whether the ridge of each layer maximises the evidence.
    cross_validated : bool
        Whether one ridge for all layers is chosen on held-out transitions.
    validation_fraction : float
    max_iter : int
    transition : {"cubature", "euler"}
    substeps : int or None
        None for as many as the stiffness of the drift asks for.
    optimizer : {"auto", "lm", "lbfgs", "adam"}
    seed : numpy.random.SeedSequence
    show : bool or None
        Force the progress bar on or off.
    n_linear : int
        How many of the last inputs act on the drift through its affine part alone.
    checkpoint : Checkpoint or None
        Where trained models are kept.
    coarse : bool
        Whether Euler's density was chosen because steps are long.
    """

    hidden: tuple[int, ...]
    diffusion_hidden: tuple[int, ...]
    form: str
    linear_skip: bool
    n_starts: int
    ridge: float | None
    evidence: bool
    cross_validated: bool
    validation_fraction: float
    max_iter: int
    transition: str
    substeps: int | None
    optimizer: str
    seed: np.random.SeedSequence
    show: bool | None = None
    n_linear: int = 0
    checkpoint: Checkpoint | None = None
    coarse: bool = False

    @property
    def first_ridge(self) -> float:
        """Ridge of a network that training begins with."""
        return 1.0 if self.ridge is None else self.ridge

    def architecture(self, n_inputs: int, dim: int, blocks: tuple[str, ...]) -> Architecture:
        """Networks with the blocks among "drift" and "covariance" that are named."""
        return Architecture(
            n_inputs,
            dim,
            self.hidden if "drift" in blocks else None,
            self.diffusion_hidden if "covariance" in blocks else None,
            "full" if self.form == "constant" else self.form,
            self.linear_skip,
            self.n_linear,
        )
