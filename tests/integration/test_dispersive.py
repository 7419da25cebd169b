"""The Kachin scenario with hillslopes that spread loads: several entries, nothing lost, one path unchanged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sim.pipeline.result import Result
from sim.registry import SECONDS_PER_YEAR
from sim.sources.load import check_ledger


@pytest.fixture(params=["dinf", "mfd"])
def spread(request: pytest.FixtureRequest, kachin: Callable[..., Result]) -> Result:
    return kachin(f"terrain.hillslope_routing={request.param}")


def test_loads_enter_several_nodes_and_the_ledger_closes(spread: Result) -> None:
    load = spread.load
    assert load.entries is not None
    assert spread.pits is not None
    assert load.node.size == spread.pits.size
    inside = load.entries.node >= 0
    assert np.bincount(load.entries.site[inside]).max() > 3
    assert np.all(check_ledger(load.substances, load.ledger) < 1e-12)
    assert np.all(spread.budget.relative_error < 1e-9)
    # what the ledger says is delivered is what the river's budget says comes from the sites, period by period
    entered = spread.budget.from_pits.sum(axis=0)
    years = spread.flow.duration.sum() / SECONDS_PER_YEAR
    np.testing.assert_allclose(entered, load.ledger["delivered"] * years, rtol=1e-9)
    assert any("Hillslopes spread loads" in note for note in spread.notes)


def test_every_node_a_site_enters_counts_as_downstream(spread: Result) -> None:
    entries = spread.load.entries
    assert entries is not None
    assert spread.exposure is not None
    assert spread.exposure.downstream[entries.node[entries.node >= 0]].all()
    assert (spread.exposure.travel_time[:, entries.node[entries.node >= 0]] == 0.0).all()


def test_sites_stand_where_they_stood_and_send_as_much(spread: Result, kachin: Callable[..., Result]) -> None:
    one_path = kachin()
    assert one_path.load.entries is None
    assert not any("Hillslopes spread loads" in note for note in one_path.notes)
    assert spread.pits is not None
    assert one_path.pits is not None
    np.testing.assert_array_equal(spread.pits.x, one_path.pits.x)
    for line in ("applied", "recovered", "consumed"):
        np.testing.assert_array_equal(spread.load.ledger[line], one_path.load.ledger[line])
    # lead drains with the runoff of the node a site mainly enters, which may be another one
    np.testing.assert_allclose(spread.load.ledger["mobilised"], one_path.load.ledger["mobilised"], rtol=0.02)
