"""The rows of the table: what is measured, and what it must reach."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GOALS", "Goal"]


@dataclass(frozen=True)
class Goal:
    """One row.

    Parameters
    ----------
    about : str
        What is measured.
    goal : float
        What it must reach.
    stretch : float, optional
        What would be possible.
    least : bool, default True
        Whether more is better; otherwise the goal is the most it may be.
    unit : str, default "x"
    """

    about: str
    goal: float | None
    stretch: float | None = None
    least: bool = True
    unit: str = "x"

    def reached(self, value: float, bound: float | None) -> bool:
        """Whether a value reaches a bound; one that does not exist is never reached."""
        if bound is None:
            return False
        return value >= bound if self.least else value <= bound


def _most(about: str, goal: float, stretch: float | None = None, unit: str = "x") -> Goal:
    return Goal(about, goal, stretch, least=False, unit=unit)


_W1 = "OU, 10,000 paths x 1,000 steps, all steps stored"
_W3 = "OU, 100,000 paths x 100 steps, all steps stored"
_GBM = "GBM, Milstein, 10,000 x 100, all steps stored"
_LINE = "Drift and D2 at 200 places"
_DIRECT = "Local linear drift, n = 1e5, 100 places"
_NET = "Network drift, 64 x 64 tanh, float32, 10,240 paths"

#: Row -> goal; a row's first word is its number.
GOALS: dict[str, Goal] = {
    "P1 numpy": Goal(f"{_W1}: faster than vectorised numpy", 4.0, 6.0),
    "P2 jax float64": Goal(f"{_W1}: faster than jax `lax.scan` in float64", 6.0, 8.0),
    "P2 jax float32": Goal(f"{_W1}: in float64, faster than jax in float32", 2.2, 3.3),
    "P3 diffrax": Goal(f"{_W1}: faster than diffrax Euler", 12.0, 18.0),
    "P3 torchsde": Goal(f"{_W1}: faster than torchsde euler", 70.0, 110.0),
    "P3 sdepy": Goal(f"{_W1}: faster than sdepy", None),
    "P4 diffrax": Goal(f"{_W3}: faster than diffrax Euler", 12.0, 20.0),
    "P4 torchsde": Goal(f"{_W3}: faster than torchsde euler", 18.0, 26.0),
    "P4 numpy": Goal(f"{_W3}: faster than vectorised numpy", None),
    "P4 sdepy": Goal(f"{_W3}: faster than sdepy", None),
    "P5 diffrax": Goal(f"{_GBM}: faster than diffrax ItoMilstein", 9.0),
    "P5 torchsde": Goal(f"{_GBM}: faster than torchsde milstein", 22.0),
    "P5 Milstein / Euler": _most("GBM: time of Milstein / time of Euler", 1.15),
    "P6 Python loop": Goal("OU, one path, per step: faster than a Python loop", 50.0),
    "P6 sdeint": Goal("OU, one path, per step: faster than sdeint.itoEuler", 800.0),
    "P7": _most("OU, final state only / own noise fill alone", 1.25, 1.1),
    "P8": Goal("Own noise fill, 2^20 normals: faster than numpy PCG64", 6.0, 10.0),
    "P9": _most("OU, every 10th step stored / final state only", 1.2, 1.1),
    "P10": _most("OU, path-major / least time of time-major (see notes)", 1.15, 1.0),
    "P11": _most("2-D with full 2 x 2 diffusion / OU, all steps, per path-step", 2.0, 1.6),
    "P12": _most("Drift with math.tanh / double well, final state only", 1.8, 1.3),
    "P13 speed-up": Goal("OU on two threads: faster than on one, wall time", 1.75, 1.9),
    "P13 same bits": Goal(
        "Same bits for 1 and 2 threads and in every batch (1 = yes)", 1.0, unit=""
    ),
    "P14 second process": _most("First small call, second fresh process", 0.5, 0.2, "s"),
    "P14 first process": _most("First small call, first process ever", 5.0, unit="s"),
    "P14 first / second": Goal("First process ever / second fresh process", 7.0),
    "P15": _most("OU, 10,000 x 1,000: memory beyond the output", 30.0, 5.0, "MiB"),
    "P16 torch, d=2": Goal(f"{_NET}, d = 2: faster than torch", 5.0, 6.5),
    "P16 torch.compile, d=2": Goal(f"{_NET}, d = 2: faster than torch.compile", 3.0),
    "P16 one path, d=2": Goal("Network drift, one path, d = 2: faster than torch", 100.0),
    "P16 torch, d=8": Goal(f"{_NET}, d = 8: faster than torch", 4.8, 6.5),
    "P16 torch.compile, d=8": Goal(f"{_NET}, d = 8: faster than torch.compile", 4.5),
    "P16 one path, d=8": Goal("Network drift, one path, d = 8: faster than torch", 80.0),
    "P17 d=2": _most("Network drift, d = 2 / products and tanh at machine speed", 1.3, 1.15),
    "P17 d=8": _most("Network drift, d = 8 / products and tanh at machine speed", 1.3, 1.15),
    **{
        f"P18 kramersmoyal {n}": Goal(f"{_LINE}, n = {n}: faster than kramersmoyal", 9.0, stretch)
        for n, stretch in (("1e5", None), ("1e6", 15.0), ("1e7", None))
    },
    **{
        f"P18 jumpdiff {n}": Goal(f"{_LINE}, n = {n}: faster than jumpdiff", 18.0)
        for n in ("1e6", "1e7")
    },
    **{
        f"P18 histograms {n}": Goal(f"{_LINE}, n = {n}: faster than three histograms", 4.0)
        for n in ("1e5", "1e6", "1e7")
    },
    **{
        f"P18 fit, {method} {n}": Goal(
            f"KramersMoyalSDE, {method}, results included, n = {n}: faster than kramersmoyal", None
        )
        for method in ("kernel", "bins")
        for n in ("1e5", "1e6")
    },
    "P19": Goal(
        "Five moments in the plane, n = 1e6, 100 x 100 places: faster than kramersmoyal",
        75.0,
        120.0,
    ),
    "P19 fit": Goal("The same by KramersMoyalSDE, results included", None),
    "P20 accuracy": _most(
        "Error of binning the drift / error of estimating it, n = 1e6", 0.01, unit=""
    ),
    "P20 exponent": _most("Exponent of the time of P18 in n, 1e5 to 1e7", 1.0, unit=""),
    "P21 statsmodels": Goal(f"{_DIRECT}: faster than statsmodels KernelReg", 12.0),
    "P21 same kernel": Goal(f"{_DIRECT}, with the Gaussian kernel of KernelReg", None),
    "P21 R ksdrift": Goal(f"{_DIRECT}: faster than ksdrift of R's sde", 1000.0),
    "P21 fit": Goal("KernelSDE, results included, n = 1e5: faster than KernelReg's drift", None),
    **{
        f"P22 {model} {n}": Goal(
            f"Full Euler fit of {model}, n = {n}, results included: faster than pymle", goal, 100.0
        )
        for n, goals in (("1e4", (50.0, 50.0, 50.0)), ("1e5", (200.0, 60.0, 200.0)))
        for model, goal in zip(("OU", "CIR", "CKLS"), goals, strict=True)
    },
    "P22 same optimum": Goal(
        "Parameters and log likelihoods of P22 within 1e-3 of pymle's (1 = yes)", 1.0, unit=""
    ),
    "P23 OU": _most("One pass of Euler likelihood and gradient, n = 1e6, OU", 0.5, unit="ns"),
    "P23 CIR": _most("One pass of Euler likelihood and gradient, n = 1e6, CIR", 1.0, unit="ns"),
    "P23 CKLS": _most("One pass of Euler likelihood and gradient, n = 1e6, CKLS", 1.0, unit="ns"),
    **{
        f"P24 {density} {model}": Goal(
            f"Full {density} fit of {model}, n = 1e4: faster than pymle", goal
        )
        for density, goal in (("kessler", 50.0), ("hermite", 100.0))
        for model in ("CIR", "CKLS")
    },
    "P25 1-D": _most("NeuralSDE, five starts, 5,000 transitions in 1-D", 5.0, unit="s"),
    "P25 2-D": _most("NeuralSDE, five starts, 10,000 transitions in 2-D", 5.0, unit="s"),
    "P25 1e5": _most("NeuralSDE, one start, 100,000 transitions in 2-D", 30.0, unit="s"),
    "P26": _most("NeuralSDE, ten starts / one start", 4.0),
    "P27": _most("NeuralSDE on a stream of 1e6 transitions, peak memory", 2.0, unit="GiB"),
}
