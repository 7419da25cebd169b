"""Loads that enter the network in several places: rates worked out by hand, sums, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.network.objects import Snapped
from sim.sources import DeliveryParameters, Entries, Load, Pits, ReleaseParameters, steady_load
from sim.sources.load import NITROGEN_IN_AMMONIUM_SULFATE, check_ledger

SUBSTANCES = ("ammonium", "lead")
#: each pit loses all of 5 kg of ammonium sulfate a second, and 1 mg of lead a second drains from each site
RELEASE = ReleaseParameters(1.0, 5.0, 0.0, 0.0, 1.0, 1e3, 1e-3)
DELIVERY = DeliveryParameters(0.5, 200.0, np.array([0.01, 0.0]), np.array([0.2, 1.0]))


def load(entries: Entries | None, node: list[int]) -> Load:
    k = len(node)
    nothing, nil = np.full(k, np.nan), np.zeros(k)
    names = tuple(map(str, range(k)))
    pits = Pits(names, nothing, nothing, nothing, nothing, np.ones(k), nil, ("",) * k, False)
    snapped = Snapped(np.array(node), np.full(k, 100.0), nil, nil, nil)
    return steady_load(
        pits,
        snapped,
        substances=SUBSTANCES,
        release=RELEASE,
        delivery=DELIVERY,
        local_runoff=np.full((1, k), 1e-6),
        shape=np.ones(1),
        duration=np.ones(1),
        background=np.zeros((1, 2, 6)),
        entries=entries,
    )


def arriving(length: float) -> float:
    """Share of the ammonium lost at a pit that reaches the channel."""
    fast = 0.5 * np.exp(-0.01 * min(length, 200.0))
    return float(fast + 0.2 * (1.0 - fast))


def test_every_way_has_its_share_and_its_length() -> None:
    entries = Entries([0, 0, 0, 1], [-1, 2, 5, 3], [0.1, 0.3, 0.6, 1.0], [900.0, 50.0, 120.0, 0.0])
    found = load(entries, [5, 3])
    unit = NITROGEN_IN_AMMONIUM_SULFATE * RELEASE.ammonium_sulfate_per_oxide
    expected = [0.0, 0.3 * arriving(50.0), 0.6 * arriving(120.0), arriving(0.0)]
    np.testing.assert_allclose(found.entry_rate[0, 0], np.array(expected) * unit, rtol=1e-12)
    np.testing.assert_allclose(found.entry_rate[0, 1], np.array([0.0, 0.3, 0.6, 1.0]) * 1e-6, rtol=1e-12)
    np.testing.assert_allclose(found.rate[0, 0], [found.entry_rate[0, 0, :3].sum(), expected[3] * unit], rtol=1e-12)
    assert found.node.tolist() == [5, 3]
    off = found.ledger["off_terrain"] / (found.ledger["applied"] + found.ledger["mobilised"])
    np.testing.assert_allclose(off, [0.1 * arriving(900.0) / 2.0, 0.05], rtol=1e-12)
    assert np.all(check_ledger(SUBSTANCES, found.ledger) < 1e-12)


def test_solvers_take_a_row_for_each_entry() -> None:
    found = load(Entries([0, 0, 1], [2, 5, 3], [0.25, 0.75, 1.0], [10.0, 20.0, 30.0]), [5, 3])
    rows = found.by_entry()
    assert rows.node.tolist() == [2, 5, 3]
    np.testing.assert_array_equal(rows.rate, found.entry_rate)
    assert rows.entries is None
    assert rows.by_entry() is rows
    assert rows.ledger is found.ledger


def test_one_entry_each_is_the_load_without_entries() -> None:
    node = [4, -1, 0]
    alone = load(None, node)
    same = load(Entries([0, 1, 2], node, np.ones(3), np.full(3, 100.0)), node)
    assert alone.entries is None
    assert alone.by_entry() is alone
    np.testing.assert_array_equal(same.rate, alone.rate)
    for line, mass in alone.ledger.items():
        np.testing.assert_array_equal(same.ledger[line], mass)


@pytest.mark.parametrize(
    ("site", "share", "said"),
    [
        ([1, 1], [0.5, 0.5], "number the sites"),
        ([0, 2], [1.0, 1.0], "number the sites"),
        ([1, 0], [1.0, 1.0], "number the sites"),
        ([0, 0], [0.5, 0.4], "add up to 1"),
        ([0, 0], [1.5, -0.5], "not be negative"),
        ([0, 1], [1.0, np.nan], "add up to 1"),
    ],
)
def test_entries_that_cannot_be(site: list[int], share: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Entries(site, [0, 1], share, [0.0, 0.0])


def test_loads_that_contradict_their_entries() -> None:
    entries = Entries([0, 0, 1], [2, 5, 3], [0.25, 0.75, 1.0], [10.0, 20.0, 30.0])
    found = load(entries, [5, 3])
    with pytest.raises(ValueError, match="2 sites but entries of 1"):
        load(Entries([0], [1], [1.0], [0.0]), [5, 3])
    with pytest.raises(ValueError, match="does not add up"):
        replace(found, rate=2.0 * found.rate)
    with pytest.raises(ValueError, match="go together"):
        replace(found, entry_rate=None)
    with pytest.raises(ValueError, match=r"Load\.entries has 2 sites"):
        replace(found, node=found.node[:1], rate=found.rate[:, :, :1])
