"""Synthetic ground for benchmarks: fractal relief, tilted, with noise that makes pits.

Spectral synthesis: white noise filtered so that the power falls as k^-(beta + 1), flattened below one wave per 20 km,
scaled to a standard deviation of a quarter of the relief; then a tilt to the south and white noise on every cell.

=======  ======  ========  =========  =======
kind      beta    relief    tilt       noise
=======  ======  ========  =========  =======
rough     2.0     400 m     0.02       0.15 m
smooth    3.2     400 m     0.02       0.02 m
=======  ======  ========  =========  =======

Cells are 10 m wide. Rough ground has a pit on about 4 cells in 100, smooth ground on about 0.4; the numbers are
measured in a test, not assumed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.arrays import Float32Array
from sim.terrain.objects import Grid

CELL = 10.0
_FLAT_ABOVE = 20_000.0
_LOWEST = 100.0
_STRIP = 1024
_CRS = 'LOCAL_CS["synthetic ground",UNIT["metre",1]]'


@dataclass(frozen=True)
class Ground:
    """Parameters of a landscape: spectral slope, relief (m), tilt (rise over run), noise (m), seed."""

    beta: float
    relief: float = 400.0
    tilt: float = 0.02
    noise: float = 0.15
    seed: int = 11


GROUNDS = {"rough": Ground(beta=2.0), "smooth": Ground(beta=3.2, noise=0.02)}


def elevations(side: int, ground: Ground) -> Float32Array:
    """(side, side) float32 m; the same numbers for the same side and ground.

    Examples
    --------
    >>> z = elevations(64, GROUNDS["rough"])
    >>> z.shape, float(z.min())
    ((64, 64), 100.0)
    """
    from scipy import fft

    rng = np.random.Generator(np.random.PCG64(ground.seed))
    spectrum = fft.rfft2(rng.standard_normal((side, side), dtype=np.float32))
    east = fft.rfftfreq(side, d=CELL).astype(np.float32) ** 2
    north = fft.fftfreq(side, d=CELL).astype(np.float32) ** 2
    power = np.float32(-(ground.beta + 1.0) / 4.0)
    for row in range(side):
        spectrum[row] *= (east + (north[row] + np.float32(_FLAT_ABOVE**-2.0))) ** power
    spectrum[0, 0] = 0.0
    z: Float32Array = fft.irfft2(spectrum, s=(side, side), overwrite_x=True)
    del spectrum
    z *= np.float32(ground.relief / 4.0 / max(float(z.std(dtype=np.float64)), 1e-12))
    for top in range(0, side, _STRIP):
        strip = z[top : top + _STRIP]
        strip -= np.float32(ground.tilt * CELL) * np.arange(top, top + len(strip), dtype=np.float32)[:, None]
        strip += np.float32(ground.noise) * rng.standard_normal(strip.shape, dtype=np.float32)
    z += np.float32(_LOWEST) - z.min()
    return z


def stored(side: int, kind: str, folder: Path) -> Float32Array:
    """The landscape from `folder`, made and put there first if it is not yet, so that every process reads the same."""
    path = folder / f"{kind}-{side}.npy"
    if not path.exists():
        partial = folder / f".{kind}-{side}-{os.getpid()}.npy"
        np.save(partial, elevations(side, GROUNDS[kind]))
        os.replace(partial, path)
    z: Float32Array = np.load(path, allow_pickle=False)
    return z


def grid_of(z: Float32Array) -> Grid:
    """The landscape as a grid, every cell valid."""
    z.flags.writeable = False
    valid = np.ones(z.shape, dtype=np.bool_)
    valid.flags.writeable = False
    return Grid(z, valid, (CELL, 0.0, 0.0, 0.0, -CELL, CELL * z.shape[0]), _CRS, "synthetic ground")


def pit_share(z: Float32Array) -> float:
    """Share of inner cells that have no lower neighbour."""
    inner = z[1:-1, 1:-1]
    rows, columns = z.shape
    pit = np.ones(inner.shape, dtype=np.bool_)
    for i in (0, 1, 2):
        for j in (0, 1, 2):
            if (i, j) != (1, 1):
                pit &= inner <= z[i : rows - 2 + i, j : columns - 2 + j]
    return float(pit.mean())
