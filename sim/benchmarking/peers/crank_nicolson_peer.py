"""One-dimensional advection, dispersion and decay by Crank-Nicolson with central differences, as in OTIS.

dC/dt = -u dC/dx + D d2C/dx2 - k C on a uniform channel, C = 0 at both ends; solved by numpy alone (the tridiagonal
elimination as a loop over cells) and by scipy's banded solver, which is what a careful user would take.
Scheme after Runkel 1998, USGS Water-Resources Investigations Report 98-4018 (from memory; own code).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sim.arrays import FloatArray
from sim.benchmarking.objects import Work, WrongAnswer

#: time steps of one execution
STEPS = 100
_SPEED, _DECAY, _SPREAD = 0.5, 1e-5, 8.0
_CELL = 50.0
#: cells the pulse moves and its dispersion number per step
_COURANT, _DIFFUSION = 0.25, 0.5
#: largest difference from the closed form, as a share of its peak: second order in space leaves this much
_TOLERANCE = 0.03

Solver = Callable[[FloatArray, FloatArray], FloatArray]


def pulse(x: FloatArray, time: float, start: float, dispersion: float) -> FloatArray:
    """Closed form: a Gaussian of unit mass and standard deviation `_SPREAD` cells at time 0, carried and decaying."""
    variance = (_SPREAD * _CELL) ** 2 + 2.0 * dispersion * time
    middle = start + _SPEED * time
    shape = np.exp(-((x - middle) ** 2) / (2.0 * variance)) / math.sqrt(2.0 * math.pi * variance)
    return np.asarray(shape * math.exp(-_DECAY * time))


def _channel(cells: int, solver: Callable[[float, float, float, int], Solver]) -> Work:
    step = _COURANT * _CELL / _SPEED
    dispersion = _DIFFUSION * _CELL**2 / step
    if cells < 20 * _SPREAD:
        raise ValueError(f"a channel of {cells} cells leaves no room for the pulse at both ends")
    x = (np.arange(cells, dtype=np.float64) + 0.5) * _CELL
    start = 6.0 * _SPREAD * _CELL
    first = pulse(x, 0.0, start, dispersion)
    left, middle, right = (
        0.5 * (_DIFFUSION + 0.5 * _COURANT),
        -_DIFFUSION - 0.5 * _DECAY * step,
        0.5 * (_DIFFUSION - 0.5 * _COURANT),
    )
    solve = solver(-left, 1.0 - middle, -right, cells)

    def run() -> Any:
        c = first.copy()
        for _ in range(STEPS):
            known = (1.0 + middle) * c
            known[1:] += left * c[:-1]
            known[:-1] += right * c[1:]
            c = solve(known, c)
        return c

    def check(answer: Any) -> None:
        expected = pulse(x, STEPS * step, start, dispersion)
        worst = float(np.abs(answer - expected).max() / expected.max())
        if not worst < _TOLERANCE:
            raise WrongAnswer(f"{worst:.3g} of the peak away from the closed form")

    return Work(cells * STEPS, run, check)


def _elimination(lower: float, diagonal: float, upper: float, n: int) -> Solver:
    """Forward elimination with factors made once, back substitution; plain loops over numpy arrays."""
    factor, pivot = np.empty(n), np.empty(n)
    factor[0], pivot[0] = 0.0, diagonal
    for i in range(1, n):
        factor[i] = lower / pivot[i - 1]
        pivot[i] = diagonal - factor[i] * upper

    def solve(known: FloatArray, out: FloatArray) -> FloatArray:
        for i in range(1, n):
            known[i] -= factor[i] * known[i - 1]
        out[n - 1] = known[n - 1] / pivot[n - 1]
        for i in range(n - 2, -1, -1):
            out[i] = (known[i] - upper * out[i + 1]) / pivot[i]
        return out

    return solve


def _banded(lower: float, diagonal: float, upper: float, n: int) -> Solver:
    """LAPACK's tridiagonal elimination through scipy."""
    from scipy.linalg import solve_banded

    bands = np.empty((3, n))
    bands[0], bands[1], bands[2] = upper, diagonal, lower

    def solve(known: FloatArray, _: FloatArray) -> FloatArray:
        return np.asarray(solve_banded((1, 1), bands, known, check_finite=False))

    return solve


def plain(size: int, folder: Path) -> Work:
    """numpy alone."""
    return _channel(size, _elimination)


def banded(size: int, folder: Path) -> Work:
    """scipy's banded solver."""
    return _channel(size, _banded)
