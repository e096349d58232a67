"""Processes from formulas: NumPy and machine code from the same text, values checked."""

import numpy as np
import pytest

from stochtext._shared.exceptions import InputError, UnspecifiedParameterError
from stochtext.processes.compiled.coefficients import CompiledCoefficients
from stochtext.processes.formula import FormulaProcess


class Predators(FormulaProcess):
    """Two coordinates, one of them driven by both noise sources."""

    _bounds = {"rate": (0.0, np.inf), "share": (0.0, 1.0)}

    def __init__(self, rate=None, share=None, level=None):
        super().__init__(
            {"rate": rate, "share": share, "level": level},
            dim=2,
            noise="general",
            shapes={"level": (2,)},
        )

    @staticmethod
    def _drift_formula(t, x, p):
        return [p["rate"] * (p["level"][0] - x[0]), x[0] * np.tanh(x[1]) + np.sin(t)]

    @staticmethod
    def _diffusion_formula(t, x, p):
        return [[p["share"], 0.0], [np.sqrt(x[1]), abs(x[0])]]


class Diagonal(FormulaProcess):
    def __init__(self, sigma=None):
        super().__init__({"sigma": sigma}, dim=2, noise="diagonal")

    @staticmethod
    def _drift_formula(t, x, p):
        return [-x[0], 0.0]

    @staticmethod
    def _diffusion_formula(t, x, p):
        return [p["sigma"], np.sqrt(x[1])]


def test_machine_code_gives_the_numbers_of_numpy():
    process = Predators(1.5, 0.3, [0.5, 1.0])
    x = np.array([[0.4, 1.2], [-1.0, 0.3], [2.0, 2.0]])
    compiled = CompiledCoefficients(process.machine_code(), "float64")
    drift, diffusion = np.empty((2, 3)), np.empty((4, 3))
    compiled.drift(0.7, x.T.copy(), compiled.theta, drift)
    compiled.diffusion(0.7, x.T.copy(), compiled.theta, diffusion)
    np.testing.assert_allclose(drift.T, process.drift(x, 0.7), rtol=1e-14)
    np.testing.assert_allclose(diffusion.T.reshape(3, 2, 2), process.diffusion(x, 0.7), rtol=1e-14)


def test_parameter_values_are_not_in_the_text():
    one, two = (Predators(r, 0.3, [r, 1.0]).machine_code() for r in (1.5, 2.5))
    assert one.text == two.text
    np.testing.assert_array_equal(two.theta, [2.5, 0.3, 2.5, 1.0])


def test_undefined_coordinate_leaves_the_others_as_they_are():
    sigma = Diagonal(0.5).diffusion([[1.0, -1.0]])
    np.testing.assert_array_equal(sigma, [[[0.5, 0.0], [0.0, np.nan]]])


def test_values_are_checked():
    with pytest.raises(InputError, match=r"`rate` must be a number >= 0; got -1"):
        Predators(rate=-1.0)
    with pytest.raises(InputError, match=r"`share` must be a number in \[0, 1\]; got 2"):
        Predators(share=2.0)
    with pytest.raises(InputError, match=r"`level` of Predators must have shape \(2,\)"):
        Predators(level=1.0)
    with pytest.raises(InputError, match=r"`rate` of Predators must be a number"):
        Predators(rate=[1.0, 2.0])
    with pytest.raises(InputError, match="finite"):
        Predators(rate=np.nan)
    with pytest.raises(UnspecifiedParameterError, match="share"):
        Predators(rate=1.0, level=[1.0, 1.0]).machine_code()


def test_family_knows_its_free_parameters():
    family = Predators()
    assert family.free_parameters == ("rate", "share", "level[0]", "level[1]")
    assert family.bounds()[:2] == ((0.0, np.inf), (0.0, 1.0))
    assert family.from_vector([1.0, 0.5, 2.0, 3.0]).params["level"].tolist() == [2.0, 3.0]
