"""The noise in the orders in which a simulation could notice a fault.

Along the steps of one path, across paths at one step, and across seeds: a counter-based
generator has no natural order, and neighbours in each of these differ in other bits of its input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

import stochtext as st
from benchmarks.noise.own_words import words

__all__ = ["ORDERS", "normals", "word_chunks"]

#: Name of an order -> what changes from number to number.
ORDERS = {
    "along steps": "one path, one step after the other",
    "across paths": "one step of path after path, then the next step",
    "across seeds": "one step of one path, one seed after the other, then the next step",
}
_CHUNK = 2**20
_SEEDS = 1024
_PURPOSE = 0


def word_chunks(order: str, key: int) -> Iterator[np.ndarray]:
    """Yield the words of an order, without end, as uint32 chunks of 4 MiB.

    Seeds run through key, key + 1, ..., so that neighbours differ in their last bits.
    """
    produce = {"along steps": _along, "across paths": _across, "across seeds": _seeds}[order]
    chunk = 0
    while True:
        yield np.ascontiguousarray(produce(key, chunk)).view(np.uint32)
        chunk += 1


def _along(key: int, chunk: int) -> np.ndarray:
    blocks = _CHUNK // 4
    return words(key, _PURPOSE, 0, 1, chunk * blocks, blocks).ravel()


def _across(key: int, chunk: int) -> np.ndarray:
    paths, blocks = _CHUNK // 8, 2
    found = words(key, _PURPOSE, 0, paths, chunk * blocks, blocks)
    return found.transpose(1, 0, 2).ravel()


def _seeds(key: int, chunk: int) -> np.ndarray:
    blocks = _CHUNK // 4 // _SEEDS
    found = [words(key + k, _PURPOSE, 0, 1, chunk * blocks, blocks)[0] for k in range(_SEEDS)]
    return np.stack(found).transpose(1, 0, 2).ravel()


def normals(order: str, seed: int, count: int) -> np.ndarray:
    """Return normal numbers as the simulation uses them, through its public function.

    With kappa dt = 1 and sigma = 1 Euler's step forgets the state: x' = z exactly.
    """
    make: dict[str, Callable[[], np.ndarray]] = {
        "along steps": lambda: simulated(seed, 1, count)[0],
        "across paths": lambda: simulated(seed, count // 64, 64).T.ravel(),
        "across seeds": lambda: np.stack(
            [simulated(seed + k, 1, count // _SEEDS)[0] for k in range(_SEEDS)]
        ).T.ravel(),
    }
    return make[order]()


def simulated(seed: int, paths: int, steps: int) -> np.ndarray:
    """Return the normal numbers of the steps of paths, (paths, steps)."""
    process = st.OrnsteinUhlenbeck(kappa=1.0, mu=0.0, sigma=1.0)
    out = np.empty((paths, steps + 1, 1))
    st.simulate(process, 0.0, dt=1.0, n_steps=steps, n_paths=paths, random_state=seed, out=out)
    return out[:, 1:, 0]
