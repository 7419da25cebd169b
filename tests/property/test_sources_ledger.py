"""What holds for release and delivery whatever the parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.network.objects import Snapped
from sim.sources import DeliveryParameters, Load, Pits, ReleaseParameters, steady_load
from sim.sources.load import check_ledger

QUICK = settings(max_examples=80, deadline=None)
SUBSTANCES = ("ammonium", "sulfate", "oxalate", "lead")
share = st.floats(0.0, 1.0)


def numbers(largest: float) -> st.SearchStrategy[float]:
    """Zero, or numbers far enough from underflow that ratios keep their meaning."""
    return st.just(0.0) | st.floats(1e-6 * largest, largest)


releases = st.builds(
    ReleaseParameters, numbers(1e-2), numbers(20.0), numbers(5.0), share, share, numbers(1e6), numbers(1e-2)
)
deliveries = st.builds(
    DeliveryParameters,
    share,
    numbers(5000.0),
    st.lists(numbers(0.1), min_size=4, max_size=4).map(np.array),
    st.lists(share, min_size=4, max_size=4).map(np.array),
)
seeds = st.integers(0, 2**32 - 1)


def case(
    seed: int, release: ReleaseParameters, delivery: DeliveryParameters, *, times: float = 1.0, path: float = 1.0
) -> Load:
    """A random year at random sites, some of which drain off the terrain."""
    rng = np.random.default_rng(seed)
    k, t = int(rng.integers(1, 6)), int(rng.integers(1, 13))
    duration = rng.uniform(20.0, 40.0, t) * 86400.0
    shape = rng.uniform(0.1, 3.0, t)
    shape /= np.average(shape, weights=duration)
    nothing = np.full(k, np.nan)
    count = times * rng.integers(1, 40, k)
    pits = Pits(tuple(map(str, range(k))), nothing, nothing, nothing, nothing, count, np.zeros(k), ("",) * k, True)
    nil = np.zeros(k)
    snapped = Snapped(rng.integers(-1, 5, k), path * rng.uniform(0.0, 5000.0, k), nil, nil, nil)
    return steady_load(
        pits,
        snapped,
        substances=SUBSTANCES,
        release=release,
        delivery=delivery,
        local_runoff=rng.uniform(0.0, 1e-7, (t, k)),
        shape=shape,
        duration=duration,
        background=np.zeros((t, 4, 1)),
    )


@QUICK
@given(seeds, releases, deliveries)
def test_ledger_closes_and_nothing_is_negative(
    seed: int, release: ReleaseParameters, delivery: DeliveryParameters
) -> None:
    load = case(seed, release, delivery)
    assert np.all(check_ledger(SUBSTANCES, load.ledger) <= 1e-12)
    total = load.ledger["applied"] + load.ledger["mobilised"]
    for mass in load.ledger.values():
        assert np.all(mass >= -1e-15 * total)
    assert np.all(load.rate >= 0.0)
    assert np.all(load.rate[:, :, load.node < 0] == 0.0)


@QUICK
@given(seeds, releases, deliveries, st.sampled_from([2.0, 7.0]))
def test_reagents_are_linear_in_pits(
    seed: int, release: ReleaseParameters, delivery: DeliveryParameters, times: float
) -> None:
    one, more = case(seed, release, delivery), case(seed, release, delivery, times=times)
    # subnormal numbers have fewer digits than rtol asks for
    np.testing.assert_allclose(more.rate[:, :3], times * one.rate[:, :3], rtol=1e-12, atol=1e-300)
    np.testing.assert_array_equal(more.rate[:, 3], one.rate[:, 3])


@QUICK
@given(seeds, releases, deliveries, share)
def test_more_loss_never_delivers_less(
    seed: int, release: ReleaseParameters, delivery: DeliveryParameters, other: float
) -> None:
    low, high = sorted((release.loss_fraction, other))
    less = case(seed, replace(release, loss_fraction=low), delivery)
    more = case(seed, replace(release, loss_fraction=high), delivery)
    assert np.all(more.rate >= less.rate * (1.0 - 1e-12))
    assert np.all(more.ledger["recovered"] <= less.ledger["recovered"] * (1.0 + 1e-12))


@QUICK
@given(seeds, releases, deliveries)
def test_longer_paths_never_deliver_more(seed: int, release: ReleaseParameters, delivery: DeliveryParameters) -> None:
    near, far = case(seed, release, delivery), case(seed, release, delivery, path=3.0)
    for line in ("delivered", "off_terrain"):
        assert np.all(far.ledger[line] <= near.ledger[line] * (1.0 + 1e-9))


@QUICK
@given(seeds, releases, deliveries)
def test_without_a_path_nothing_infiltrates(
    seed: int, release: ReleaseParameters, delivery: DeliveryParameters
) -> None:
    bare = replace(delivery, overland_attenuation=np.zeros(4))
    np.testing.assert_array_equal(case(seed, release, delivery, path=0.0).rate, case(seed, release, bare).rate)
    still = replace(delivery, overland_length=0.0)
    np.testing.assert_array_equal(case(seed, release, still).rate, case(seed, release, bare).rate)


@QUICK
@given(seeds, releases, share)
def test_everything_lost_arrives_when_the_soil_holds_nothing(
    seed: int, release: ReleaseParameters, fast: float
) -> None:
    free = DeliveryParameters(fast, 300.0, np.full(4, 0.01), np.ones(4))
    ledger = case(seed, release, free).ledger
    lost = ledger["applied"] + ledger["mobilised"] - ledger["consumed"] - ledger["recovered"]
    arrived = ledger["delivered"] + ledger["off_terrain"]
    np.testing.assert_allclose(arrived, lost, rtol=1e-9, atol=1e-9 * float(ledger["applied"].max() + 1e-300))
