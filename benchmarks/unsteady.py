"""Unsteady transport on random networks: reach-steps per second. Run: pytest benchmarks/unsteady.py

No reference is timed beside it and no other program: the harness does not know the unsteady solver yet. `items` of a
case are reaches x columns x steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sim.testing.networks import random_network, routed
from sim.transport import Channel, Inputs, build_mesh, route_water, unsteady


def river_case(reaches: int, columns: int, steps: int, scheme: Any, growth: float, threads: int) -> Callable[[], float]:
    """One cell a reach, storage zones everywhere, Courant number about 1; returns the largest ledger error."""
    network = random_network(np.random.default_rng(1), reaches, branching=0.3)
    leaf = np.bincount(network.down[network.down >= 0], minlength=reaches) == 0
    head = np.where(leaf, 0.5, 0.0)
    volume = routed(network.down, head) * network.length / 0.5
    step = float(np.median(network.length)) / 0.5
    water = route_water(network, head=head, volume=np.stack((volume, growth * volume)), time_edges=[0.0, step * steps])
    inputs = Inputs(tuple(f"s{i}" for i in range(columns)), head=np.linspace(0.5, 1.0, columns) * np.ones((reaches, 1)))
    mesh = build_mesh(network, 1)

    def work() -> float:
        found = unsteady(
            network, water, inputs, step=step, channel=Channel(5.0, 1.0, 1e-4), scheme=scheme, mesh=mesh,
            threads=threads, ledger_steps=steps + 4,
        )  # fmt: skip
        return float(found.ledger.relative_error.max())

    return work


@pytest.mark.parametrize(
    ("reaches", "columns", "steps", "scheme", "growth", "threads"),
    [
        (10_000, 1, 2000, "second-order", 1.0, 1),
        (100_000, 1, 300, "second-order", 1.0, 1),
        (1_000_000, 1, 30, "second-order", 1.0, 1),
        (10_000, 8, 500, "second-order", 1.0, 1),
        (10_000, 8, 500, "second-order", 1.0, 2),
        (10_000, 1, 100, "monotone", 1.0001, 1),
        (100_000, 1, 20, "monotone", 1.0001, 1),
        (10_000, 8, 30, "monotone", 1.0001, 2),
    ],
)
def test_unsteady(
    benchmark: Any, reaches: int, columns: int, steps: int, scheme: str, growth: float, threads: int
) -> None:
    """Constant flow factored once, and the monotone scheme with volumes that change."""
    work = river_case(reaches, columns, steps, scheme, growth, threads)
    assert work() < 1e-12
    benchmark.extra_info["items"] = reaches * columns * steps
    assert benchmark.pedantic(work, rounds=3, iterations=1) < 1e-12
