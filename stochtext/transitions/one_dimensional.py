"""The check of densities that are for one coordinate."""

from __future__ import annotations

from stochtext._shared.exceptions import InputError
from stochtext.processes.base import Process

__all__ = ["check_one_dimensional"]


def check_one_dimensional(density: str, process: Process) -> None:
    """Refuse a process of more than one coordinate.

    Raises
    ------
    InputError
        If the process has several.
    """
    if (process.dim or 1) != 1:
        raise InputError(
            f"{density} is for one dimension; {type(process).__name__} has {process.dim}. Use "
            "density='shoji_ozaki' or 'kessler', which are for any."
        )
