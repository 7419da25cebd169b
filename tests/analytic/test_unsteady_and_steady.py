"""Unsteady transport with the objects of the other rooms (Flow, Load, Reactions), against the steady sweep."""

from __future__ import annotations

import numpy as np
import pytest

from sim.chemistry.objects import Reactions
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.testing.networks import random_network, routed
from sim.transport import Ledger, build_mesh, steady, unsteady, water_of
from sim.transport.water import CONTINUITY_TOLERANCE

MONTH = 2.6e6


def objects(
    periods: int, level: float | None = None, wettest: float = 0.5
) -> tuple[RiverNetwork, Flow, Load, Reactions]:
    """Flow of `periods` months, two pits and background; or one concentration in all water and no loss."""
    rng = np.random.default_rng(4)
    n, s = 12, 2
    network = random_network(rng, n, branching=0.5)
    season = rng.uniform(0.5, 2.0, (periods, 1))
    head, lateral = season * rng.uniform(0.2, 1.0, n), season * rng.uniform(0.0, wettest, n)
    out = np.stack([routed(network.down, head[t] + lateral[t]) for t in range(periods)])
    field = {name: np.ones((periods, n)) for name in ("width", "depth", "shear", "temperature")}
    flow = Flow(
        time_edges=MONTH * np.arange(periods + 1), discharge_in=out - lateral, discharge_out=out, lateral=lateral,
        head=head, boundary=np.zeros((periods, n)), velocity=rng.uniform(0.4, 1.2, (periods, n)), **field,
    )  # fmt: skip
    shape = (periods, s, n)
    background = np.full(shape, level) if level is not None else rng.uniform(0.0, 1.0, shape)
    rate = np.zeros((periods, s, 2)) if level is not None else rng.uniform(0.0, 3.0, (periods, s, 2))
    other = background if level is not None else 0.5 * background
    load = Load(("a", "b"), np.array([0, 5]), rate, background, other, background, {})
    loss = np.zeros(shape) if level is not None else np.broadcast_to([[0.0], [2e-5]], shape)
    return network, flow, load, Reactions(np.array(loss), np.ones(shape), np.zeros((periods, n)))


# V C_t = 0: the steady start of fine cells without dispersion is the exponential of the steady sweep, to second order
# (without lateral inflow; the sweep takes the mean velocity of a reach, the cells each their own)
def test_steady_start_is_the_steady_sweep() -> None:
    network, flow, load, reactions = objects(1, wettest=0.0)
    expected, _ = steady(network, flow, load, reactions)
    errors = []
    for cells in (10, 20):
        found = unsteady(
            network, flow, load, reactions, step=MONTH, initial="steady", scheme="second-order", ledger_steps=1,
            points=list(range(network.size)), mesh=build_mesh(network, cells, entries=range(network.size)),
        )  # fmt: skip
        errors.append(np.abs(found.points[0] / expected.outlet[0].T - 1.0).max())
        # and it stays so
        np.testing.assert_allclose(found.points[-1], found.points[0], rtol=1e-11)
    assert errors[-1] < 1e-4
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.2)


# months later a constant month ends in its steady state: what has left is made up by what enters
def test_run_ends_in_the_steady_state() -> None:
    network, flow, load, reactions = objects(1)
    options = {"step": 3600.0, "points": list(range(network.size)), "mesh": build_mesh(network, 3)}
    for scheme in ("second-order", "upwind"):
        found = unsteady(network, flow, load, reactions, scheme=scheme, **options)
        begun = unsteady(network, flow, load, reactions, scheme=scheme, initial="steady", **options)
        np.testing.assert_allclose(found.points[-1], begun.points[-1], rtol=1e-6)


# V_(k+1) - V_k = dt (in - out) between months of different flow; one concentration stays through a year
def test_water_of_a_year() -> None:
    network, flow, load, reactions = objects(12, level=0.3)
    water = water_of(network, flow)
    assert water.imbalance(network) < CONTINUITY_TOLERANCE
    for scheme in ("monotone", "second-order"):
        found = unsteady(network, flow, load, reactions, step=12 * 3600.0, initial="steady", scheme=scheme)
        np.testing.assert_allclose(found.final_channel, 0.3, rtol=1e-12)
        closes(found.ledger)


def test_mass_of_a_year() -> None:
    network, flow, load, reactions = objects(12)
    found = unsteady(network, flow, load, reactions, step=12 * 3600.0)
    assert found.final_channel.min() >= 0.0
    closes(found.ledger)
    # pits alone: 2 sites, every month its own rate
    pits = (load.rate * MONTH).sum(axis=(0, 2))
    assert np.all(found.ledger.entered.sum(axis=0) > pits)


def closes(ledger: Ledger) -> None:
    assert ledger.relative_error.max() < 1e-13
    assert ledger.cumulative_error.max() < 1e-12


# the ledger of a large network: rounding does not grow with the number of reaches
@pytest.mark.parametrize("scheme", ["monotone", "second-order"])
def test_ledger_of_a_large_network(scheme: str) -> None:
    from sim.transport import Channel, Inputs, Rates, route_water

    rng = np.random.default_rng(1)
    n = 30_000
    network = random_network(rng, n, branching=0.3)
    leaf = np.bincount(network.down[network.down >= 0], minlength=n) == 0
    head = np.where(leaf, rng.uniform(0.1, 1.0, n), 0.0)
    water = route_water(
        network, head=head, volume=np.array([[1.0], [1.0 + 1e-4]]) * routed(network.down, head) * network.length,
        time_edges=[0.0, 6000.0],
    )  # fmt: skip
    found = unsteady(
        network, water, Inputs(("a",), head=rng.uniform(0.0, 1.0, (n, 1))), Rates(decay=1e-5), step=600.0,
        channel=Channel(10.0, 1.0, 1e-4), mesh=build_mesh(network, 1), scheme=scheme, ledger_steps=1,
    )  # fmt: skip
    closes(found.ledger)
