"""Drift and covariance rate whose networks are torch modules of the user.

Law of this file: the user's modules are copied before anything is changed. torch is imported
inside functions only.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.estimators.neural.networks.preparation import LinearModel, Scaling
from stochtext.processes.fitted.networks.network import LOG_SCALE_BOUND

__all__ = ["ModuleModel", "check_module", "default_module", "jittered"]


@dataclass
class ModuleModel:
    """A linear model with modules added to its drift and to the factor of its covariance.

    Attributes
    ----------
    drift_module, diffusion_module : torch.nn.Module or None
        From standardised states (n, d), and standardised times (n,) if there is a clock, to
        scaled drift (n, d); to the moves of the log scales (n, d), with or without the strict
        lower triangle by rows behind them. None leaves the linear model.
    linear : dict of str to Tensor
        ``slope``, ``intercept``, ``log_scale``, ``lower``.
    units : dict of str to Tensor
        ``drift`` and ``noise`` in standardised states; ``clock`` (mean, spread) or None.
    """

    drift_module: Any
    diffusion_module: Any
    linear: dict[str, Any]
    units: dict[str, Any]

    @classmethod
    def build(
        cls, linear: LinearModel, scaling: Scaling, drift: Any, diffusion: Any, device: str
    ) -> ModuleModel:
        """Put modules on a linear model, in double precision on a device."""
        import torch

        def tensor(values: Any) -> Any:
            return torch.as_tensor(np.array(values), dtype=torch.float64, device=device)

        d = len(scaling.drift_unit)
        factor = np.linalg.cholesky(linear.covariance)
        scale, rows = np.diag(factor), np.tril_indices(d, -1)
        parts = {
            "slope": linear.slope, "intercept": linear.intercept, "log_scale": np.log(scale),
            "lower": factor[rows] / scale[rows[0]],
        }  # fmt: skip
        spread = scaling.spread[:d]
        units = {"drift": scaling.drift_unit / spread, "noise": scaling.noise_unit / spread}
        timed = len(scaling.centre) > d
        clock = tensor([scaling.centre[d], scaling.spread[d]]) if timed else None
        modules = [
            None if m is None else copy.deepcopy(m).to(device=device, dtype=torch.float64)
            for m in (drift, diffusion)
        ]
        own = {name: tensor(value).requires_grad_() for name, value in parts.items()}
        return cls(
            modules[0],
            modules[1],
            own,
            {**{k: tensor(v) for k, v in units.items()}, "clock": clock},
        )

    def modules(self) -> list[Any]:
        """Return the modules there are."""
        return [m for m in (self.drift_module, self.diffusion_module) if m is not None]

    def tensors(self) -> list[Any]:
        """Return everything that is trained."""
        return [*self.linear.values(), *(p for m in self.modules() for p in m.parameters())]

    def flat(self) -> FloatArray:
        """Return all trained numbers in one array."""
        parts = [p.detach().reshape(-1).cpu().numpy() for p in self.tensors()]
        return np.concatenate(parts).astype(np.float64)

    def set_flat(self, values: FloatArray) -> None:
        """Write all trained numbers."""
        import torch

        start = 0
        with torch.no_grad():
            for p in self.tensors():
                piece = torch.as_tensor(values[start : start + p.numel()]).reshape(p.shape)
                p.copy_(piece)
                start += p.numel()

    def coefficients(self, z: Any, t: Any) -> tuple[Any, Any]:
        """Return drift (n, d) and lower factor (n, d, d) at standardised states."""
        import torch

        inputs: Any = z
        arguments: tuple[Any, ...] = (z,)
        if self.units["clock"] is not None:
            time = (t - self.units["clock"][0]) / self.units["clock"][1]
            inputs, arguments = torch.cat([z, time[:, None]], dim=1), (z, time)
        drift = self.linear["intercept"] + inputs @ self.linear["slope"]
        if self.drift_module is not None:
            drift = drift + _called(self.drift_module, arguments)
        return drift * self.units["drift"], self._factor(arguments)

    def _factor(self, arguments: tuple[Any, ...]) -> Any:
        import torch

        n, d = arguments[0].shape
        log_scale, lower = self.linear["log_scale"].expand(n, d), self.linear["lower"].expand(n, -1)
        if self.diffusion_module is not None:
            out = _called(self.diffusion_module, arguments)
            moved = torch.tanh(out[:, :d] / LOG_SCALE_BOUND)
            log_scale = log_scale + LOG_SCALE_BOUND * moved
            if out.shape[1] > d:
                lower = lower + out[:, d:]
        factor = torch.eye(d, dtype=log_scale.dtype, device=log_scale.device).expand(n, d, d)
        if d > 1:
            rows, columns = torch.tril_indices(d, d, -1)
            factor = factor.clone()
            factor[:, rows, columns] = lower
        return factor * (log_scale.exp() * self.units["noise"])[:, :, None]


def check_module(name: str, module: Any, dim: int, timed: bool) -> None:
    """Refuse what does not map a batch of states to a batch of outputs.

    Raises
    ------
    InputError
        If it is no module, fails on three states, or returns another shape.
    """
    import torch

    if not isinstance(module, torch.nn.Module):
        raise InputError(f"`{name}` must be a torch.nn.Module; got {type(module).__name__}.")
    probe = copy.deepcopy(module).to(dtype=torch.float64)
    states = torch.zeros(3, dim, dtype=torch.float64)
    arguments = (states, torch.zeros(3, dtype=torch.float64)) if timed else (states,)
    called = "module(x, t), t of shape (3,)," if timed else "module(x)"
    try:
        with torch.no_grad():
            out = _called(probe, arguments)
    except Exception as error:
        raise InputError(
            f"`{name}` fails as {called} with x of shape (3, {dim}): {error}"
        ) from error
    wanted = {dim} if name == "drift_module" else {dim, dim + dim * (dim - 1) // 2}
    if tuple(out.shape) not in {(3, width) for width in wanted}:
        shapes = " or ".join(f"(3, {width})" for width in sorted(wanted))
        raise InputError(f"`{name}` must return {shapes} for 3 states; got {tuple(out.shape)}.")


def default_module(
    n_inputs: int, hidden: tuple[int, ...], n_outputs: int, rng: np.random.Generator
) -> Any:
    """Return a tanh network whose outputs are zero at the beginning."""
    import torch

    widths, layers = [n_inputs, *hidden], []
    for before, after in zip(widths[:-1], widths[1:], strict=True):
        layers += [_linear(before, after, rng), torch.nn.Tanh()]
    layers.append(_linear(widths[-1], n_outputs, None))
    return torch.nn.Sequential(*layers)


def _called(module: Any, arguments: tuple[Any, ...]) -> Any:
    """Call a module with states, and times if there is a clock; a Sequential gets one array."""
    import torch

    if isinstance(module, torch.nn.Sequential) and len(arguments) == 2:
        return module(torch.cat([arguments[0], arguments[1][:, None]], dim=1))
    return module(*arguments)


def _linear(before: int, after: int, rng: np.random.Generator | None) -> Any:
    import torch

    layer = torch.nn.utils.skip_init(torch.nn.Linear, before, after, dtype=torch.float64)
    draw = (
        np.zeros((after, before + 1)) if rng is None else rng.standard_normal((after, before + 1))
    )
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(draw[:, :-1] / np.sqrt(before)))
        layer.bias.copy_(torch.as_tensor(draw[:, -1]))
    return layer


def jittered(module: Any, rng: np.random.Generator) -> Any:
    """Return a copy with other weights of the same mean and spread, tensor by tensor."""
    import torch

    other = copy.deepcopy(module)
    with torch.no_grad():
        for p in other.parameters():
            values = p.detach().cpu().numpy()
            draw = values.mean() + values.std() * rng.standard_normal(values.shape)
            p.copy_(torch.as_tensor(draw, dtype=p.dtype))
    return other
