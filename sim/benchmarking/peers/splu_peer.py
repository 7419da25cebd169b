"""scipy's SuperLU on the steady balance of the network, assembled as a user would, at its best setting.

(I - S) W_in = sources, S holding each segment's survival at its receiver. Nodes are numbered downstream, so the matrix
is lower triangular and the natural ordering fills in nothing. Timed: assembly, one factorisation per substance (each
decays at its own rate), the solves for background and pits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from sim.arrays import FloatArray
from sim.benchmarking.objects import Work
from sim.benchmarking.tasks.transport import Sweep, require_conserved, sweep_input


def solve(given: Sweep) -> tuple[FloatArray, FloatArray]:
    """Loads (s, n) kg/s from background and from pits leaving every segment."""
    network, flow, load = given.network, given.flow, given.load
    n, s = network.size, len(load.substances)
    inner = np.flatnonzero(network.down >= 0)
    travel = network.length / flow.velocity[0]
    background, pits = np.empty((s, n)), np.empty((s, n))
    one = sparse.identity(n, format="csc")
    for k in range(s):
        a = given.reactions.loss_rate[0, k] * travel
        survival = np.exp(-a)
        along = np.divide(-np.expm1(-a), a, out=np.ones(n), where=a > 0.0) * flow.lateral[0]
        along *= load.background_lateral[0, k]
        entering = np.zeros((n, 2))
        entering[:, 0] = flow.head[0] * load.background_head[0, k] + flow.boundary[0] * load.background_boundary[0, k]
        np.add.at(entering[:, 0], network.down[inner], along[inner])
        np.add.at(entering[:, 1], load.node, load.rate[0, k])
        passed = sparse.csc_matrix((survival[inner], (network.down[inner], inner)), shape=(n, n))
        factors = splu((one - passed).tocsc(), permc_spec="NATURAL", diag_pivot_thresh=0.0)
        inlet = factors.solve(entering)
        background[k] = inlet[:, 0] * survival + along
        pits[k] = inlet[:, 1] * survival
    return background, pits


def _sweep(nodes: int, substances: int) -> Work:
    given = sweep_input(nodes, substances)

    def check(answer: Any) -> None:
        require_conserved(answer[1][0, given.network.outlets], given)

    return Work(nodes * substances, lambda: solve(given), check)


def sweep_1(size: int, folder: Path) -> Work:
    """One substance."""
    return _sweep(size, 1)


def sweep_8(size: int, folder: Path) -> Work:
    """Eight substances."""
    return _sweep(size, 8)


def sweep_64(size: int, folder: Path) -> Work:
    """Sixty-four substances."""
    return _sweep(size, 64)
