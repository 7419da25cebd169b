"""Transport: substances swept through a random network, and a pulse through a channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.arrays import FloatArray
from sim.benchmarking.objects import OURS, Entrant, Task, Work, WrongAnswer
from sim.chemistry.objects import Reactions
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.testing.networks import random_network
from sim.transport import steady

_SEED = 7
_YEAR = 31_557_600.0
_PEERS = "sim.benchmarking.peers"
#: how many substances each task of the steady sweep carries
SUBSTANCES = (1, 8, 64)


@dataclass(frozen=True)
class Sweep:
    """Input of the steady sweep: one period, the first substance conservative, the others decaying."""

    network: RiverNetwork
    flow: Flow
    load: Load
    reactions: Reactions


def sweep_input(nodes: int, substances: int) -> Sweep:
    """A random tree with a site on every hundredth node and background water everywhere."""
    network = random_network(np.random.Generator(np.random.PCG64(_SEED)), nodes, branching=0.2)
    node = np.arange(0, nodes, 100, dtype=np.int64)
    shape = (1, substances, nodes)
    loss = np.linspace(0.0, 1e-5, substances)[None, :, None] * np.ones(shape)
    background = np.full(shape, 1e-3)
    rate = np.full((1, substances, node.size), 0.01)
    names = tuple(f"substance {i}" for i in range(substances))
    load = Load(names, node, rate, background, background, background, {})
    return Sweep(network, _flow(network), load, Reactions(loss, np.ones(shape), np.zeros((1, nodes))))


def _flow(network: RiverNetwork) -> Flow:
    """Uniform yield of 30 L/s per km2."""
    yield_ = 3e-8
    arriving = np.zeros(network.size)
    inner = network.down >= 0
    np.add.at(arriving, network.down[inner], network.area[inner])
    head = np.maximum(network.area_in - arriving - network.boundary_area, 0.0)
    ones = np.ones((1, network.size))
    return Flow(
        time_edges=np.array([0.0, _YEAR]),
        discharge_in=yield_ * network.area_in[None, :],
        discharge_out=yield_ * network.area[None, :],
        lateral=yield_ * (network.area - network.area_in)[None, :],
        head=yield_ * head[None, :],
        boundary=yield_ * network.boundary_area[None, :],
        width=20.0 * ones,
        depth=ones,
        velocity=0.8 * ones,
        shear=5.0 * ones,
        temperature=20.0 * ones,
    )


def require_conserved(leaving: FloatArray, given: Sweep) -> None:
    """Raise `WrongAnswer` unless the pits' load (kg/s) of the first substance, which does not decay, leaves whole."""
    entered = float(given.load.rate[0, 0].sum())
    if not np.isclose(float(leaving.sum()), entered, rtol=1e-9, atol=0.0):
        raise WrongAnswer(f"{float(leaving.sum()):.12g} kg/s of a conservative substance leave, {entered:.12g} enter")


def _sweep(nodes: int, substances: int) -> Work:
    given = sweep_input(nodes, substances)

    def check(answer: Any) -> None:
        concentration, budget = answer
        if not float(budget.relative_error.max()) < 1e-12:
            raise WrongAnswer(f"budget error {float(budget.relative_error.max()):g}")
        outlets = given.network.outlets
        require_conserved(concentration.pit_outlet[0, 0, outlets] * given.flow.discharge_out[0, outlets], given)

    return Work(nodes * substances, lambda: steady(given.network, given.flow, given.load, given.reactions), check)


def sweep_1(size: int, folder: Path) -> Work:
    """One substance."""
    return _sweep(size, 1)


def sweep_8(size: int, folder: Path) -> Work:
    """Eight substances."""
    return _sweep(size, 8)


def sweep_64(size: int, folder: Path) -> Work:
    """Sixty-four substances."""
    return _sweep(size, 64)


def _times(substances: int) -> Callable[[int], int]:
    return lambda size: size * substances


def _steady_task(substances: int) -> Task:
    plural = "substance" if substances == 1 else "substances"
    return Task(
        f"transport steady {substances}",
        f"steady sweep of {substances} {plural} through a random tree; concentrations, pits' share and budget",
        "reach-substance",
        64.0,
        "loss rate and three backgrounds read, concentrations and pits' share at both ends written, 8 each",
        200,
        _times(substances),
        (
            Entrant(OURS, f"sim.benchmarking.tasks.transport:sweep_{substances}", OURS, 400.0),
            Entrant("scipy splu", f"{_PEERS}.splu_peer:sweep_{substances}", "scipy", 600.0, 8e6),
        ),
    )


def _reach_steps(size: int) -> int:
    from sim.benchmarking.peers.crank_nicolson_peer import STEPS

    return size * STEPS


TASKS = (
    *(_steady_task(substances) for substances in SUBSTANCES),
    Task(
        "transport pulse",
        "unsteady pulse of one substance down a uniform channel by Crank-Nicolson, checked against its closed form; "
        "LeachSim's unsteady solver is not measured here yet (benchmarks/unsteady.py times it alone)",
        "reach-step",
        16.0,
        "one concentration read, one written",
        200,
        _reach_steps,
        (
            Entrant("numpy Crank-Nicolson", f"{_PEERS}.crank_nicolson_peer:plain", "numpy", 200.0, 1e6),
            Entrant("scipy banded", f"{_PEERS}.crank_nicolson_peer:banded", "scipy", 200.0),
        ),
    ),
)
