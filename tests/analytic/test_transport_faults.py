"""What steady transport refuses, and that its budget can fail."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from sim.chemistry.objects import Reactions
from sim.errors import BalanceError, ScenarioError
from sim.hydrology import Diversions, flow_from_table
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.testing.diversions import flow_with_links
from sim.testing.networks import random_network
from sim.transport import _kernels, along_channel, steady, steady_state, travel_time
from sim.transport.steady_adjoint import steady_contributions
from sim.transport.steady_ensemble import steady_members

N = 12


def case(seed: int = 1) -> tuple[RiverNetwork, Any, Load, Reactions]:
    rng = np.random.default_rng(seed)
    network = random_network(rng, N)
    flow = flow_from_table(
        network,
        head_inflow=rng.uniform(0.1, 1.0, N),
        lateral_inflow=rng.uniform(0.1, 1.0, N),
        cross_section=rng.uniform(0.1, 1.0, N),
        temperature=20.0,
    )
    field = (1, 2, N)
    load = Load(
        ("lead", "sulfate"), np.array([0, 3]), rng.uniform(0.0, 1.0, (1, 2, 2)), rng.random(field), rng.random(field),
        rng.random(field), {},
    )  # fmt: skip
    return network, flow, load, Reactions(rng.random(field) * 1e-4, np.ones(field), np.zeros((1, N)))


@pytest.mark.parametrize("row", ["BACKGROUND", "PITS", "OUT", "REACTED"])
def test_a_wrong_sum_stops_the_run(monkeypatch: pytest.MonkeyPatch, row: str) -> None:
    true_sweep = _kernels.sweep

    def leaking(*arguments: Any) -> None:
        true_sweep(*arguments)
        arguments[-1][getattr(_kernels, row), 0, 1] *= 1.0 + 1e-7

    monkeypatch.setattr(steady_state._kernels, "sweep", leaking)
    with pytest.raises(BalanceError, match=r"LS-401 mass budget of sulfate, period 1 = \S+ relative error") as caught:
        steady(*case())
    assert caught.value.exit_code == 4


def test_an_overflow_stops_the_run() -> None:
    network, flow, load, reactions = case()
    load = dataclasses.replace(load, rate=np.full((1, 2, 2), 1e308))
    with pytest.raises(BalanceError, match="LS-401"), np.errstate(all="ignore"):
        steady(network, flow, load, reactions)


def test_pit_where_no_water_enters() -> None:
    network, _, load, reactions = case()
    names = tuple(f"reach {i}" for i in range(N))
    network = dataclasses.replace(network, name=names)
    dry = flow_from_table(
        network, head_inflow=np.zeros(N), lateral_inflow=np.ones(N), cross_section=np.ones(N), temperature=20.0
    )
    load = dataclasses.replace(load, node=np.array([-1, 0]))
    with pytest.raises(ScenarioError) as caught:
        steady(network, dry, load, reactions)
    assert str(caught.value) == (
        "LS-209 pit load at segment 'reach 0' (node 0), period 1 = 0 m3/s. A pit's load needs water at the upstream "
        "end of the segment it enters. Give that place an inflow, or let the pit enter further down. "
        "See docs/errors.md#ls-209."
    )


def test_standing_water() -> None:
    network, flow, load, reactions = case()
    velocity = flow.velocity.copy()
    velocity[0, 4] = 0.0
    with pytest.raises(ScenarioError, match=r"LS-209 segment of node 4, period 1 = \S+ m3/s at 0 m/s"):
        steady(network, dataclasses.replace(flow, velocity=velocity), load, reactions)


def diverted_case(share: float = 0.5) -> tuple[RiverNetwork, Any, Load, Reactions]:
    """`case` with a diversion from node 0."""
    network, flow, load, reactions = case()
    network = dataclasses.replace(network, link_from=np.array([0]), link_to=np.array([5]))
    shares = np.full((1, 1), share)
    return (
        network,
        flow_with_links(network, head=flow.head, lateral=flow.lateral, velocity=flow.velocity, share=shares),
        load,
        reactions,
    )


def test_diversions_without_what_they_carry() -> None:
    network, flow, load, reactions = diverted_case()
    found, _ = steady(network, flow, load, reactions)
    silent = dataclasses.replace(flow, diversions=None)
    for call in (
        lambda: steady(network, silent, load, reactions),
        lambda: along_channel(network, silent, load, reactions, found),
        lambda: travel_time(network, silent, np.array([0])),
        lambda: steady_contributions(network, silent, load, reactions, receptor=3, substance="lead"),
        lambda: steady_members(network, silent, load, reactions),
    ):
        with pytest.raises(ValueError, match=r"flow\.diversions has shape \(1, 0\), .* need \(1, 1\)"):
            call()


def test_diversions_of_another_number_of_substances() -> None:
    network, flow, load, reactions = diverted_case()
    three = dataclasses.replace(flow.diversions, loss_rate=np.zeros((1, 3, 1)))
    with pytest.raises(ValueError, match=r"diversions: loss_rate has shape \(1, 3\) and k, expected \(1, 2, k\)"):
        steady(network, dataclasses.replace(flow, diversions=three), load, reactions)


# more is taken than arrives: the place, both discharges, the remedy
def test_diversion_of_more_water_than_there_is() -> None:
    network, flow, load, reactions = diverted_case()
    short = flow.discharge_out.copy()
    short[0, 0] = -0.25
    taken = dataclasses.replace(flow.diversions, discharge=flow.discharge_end(network)[:, :1] + 0.25)
    with pytest.raises(ScenarioError) as caught:
        steady(network, dataclasses.replace(flow, discharge_out=short, diversions=taken), load, reactions)
    arriving = f"{flow.discharge_end(network)[0, 0]:g}"
    assert str(caught.value).startswith("LS-209 diversions at segment of node 0, period 1 = ")
    assert f"Must not exceed the {arriving} m3/s that arrive there. Let the diversion take less" in str(caught.value)


# below the intake there is what is left, below the outfall what comes back
@pytest.mark.parametrize("which", ["discharge_out", "discharge_in"])
def test_water_that_a_diversion_makes_or_loses(which: str) -> None:
    network, flow, load, reactions = diverted_case()
    wrong = getattr(flow, which).copy()
    wrong[0, 0 if which == "discharge_out" else 5] *= 1.01
    with pytest.raises(BalanceError, match="LS-402 water balance of the network and its diversions"):
        steady(network, dataclasses.replace(flow, **{which: wrong}), load, reactions)


# only a diversion excuses a segment without water
def test_dry_segment_that_no_diversion_explains() -> None:
    network, flow, load, reactions = diverted_case()
    nothing = np.zeros_like(flow.head)
    dry = dataclasses.replace(flow, discharge_in=nothing, discharge_out=nothing, lateral=nothing, head=nothing)
    dry = dataclasses.replace(dry, diversions=dataclasses.replace(flow.diversions, discharge=np.zeros((1, 1))))
    with pytest.raises(ScenarioError, match=r"LS-209 segment of node 0, period 1 = 0 m3/s"):
        steady(network, dry, load, reactions)


@pytest.mark.parametrize("field", ["discharge", "volume", "loss_rate"])
@pytest.mark.parametrize("value", [-1e-9, np.nan, np.inf])
def test_impossible_diversions(field: str, value: float) -> None:
    good: dict[str, Any] = {"discharge": [[1.0]], "volume": [1.0], "loss_rate": [[[1.0]]]}
    Diversions(**good)
    with pytest.raises(ValueError, match=f"diversions: {field} must be finite and not negative"):
        Diversions(**(good | {field: np.full_like(good[field], value)}))


def test_contributions_to_nowhere() -> None:
    inputs = case()
    with pytest.raises(ValueError, match=r"receptor must be a node in \[0, 12\)"):
        steady_contributions(*inputs, receptor=12, substance="lead")
    with pytest.raises(ValueError, match="'zinc' is not in the load, which has lead, sulfate"):
        steady_contributions(*inputs, receptor=1, substance="zinc")
    with pytest.raises(ValueError, match="end must be inlet or outlet"):
        steady_contributions(*inputs, receptor=1, substance="lead", end="middle")  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["rate", "background_head", "background_lateral", "background_boundary", "loss_rate"])
@pytest.mark.parametrize("value", [-1e-9, np.nan, np.inf])
def test_impossible_numbers(field: str, value: float) -> None:
    network, flow, load, reactions = case()
    owner: Any = reactions if field == "loss_rate" else load
    values = getattr(owner, field).copy()
    values[0, 1, 1] = value
    if owner is load:
        load = dataclasses.replace(load, **{field: values})
    else:
        reactions = reactions._replace(loss_rate=values)
    with pytest.raises(ValueError, match=rf"{field} must be finite and not negative"):
        steady(network, flow, load, reactions)


def test_shapes_that_do_not_fit() -> None:
    network, flow, load, reactions = case()
    two = np.zeros((2, 2, N))
    two_periods = Load(load.substances, load.node, np.zeros((2, 2, 2)), two, two, two, {})
    with pytest.raises(ValueError, match="loss_rate has shape"):
        steady(network, flow, load, reactions._replace(loss_rate=np.zeros((1, 2, N + 1))))
    with pytest.raises(ValueError, match=r"load\.rate has shape"):
        steady(network, flow, two_periods, reactions)
    with pytest.raises(ValueError, match=r"load\.node must lie"):
        steady(network, flow, dataclasses.replace(load, node=np.array([0, N])), reactions)
    with pytest.raises(ValueError, match="the network"):
        steady(random_network(np.random.default_rng(0), N + 1), flow, load, reactions)


def test_channel_cells_off_their_segment() -> None:
    network, flow, load, reactions = case()
    found, _ = steady(network, flow, load, reactions)
    for distance in (-1.0, network.length[0] * 1.001):
        start = np.concatenate(([0], np.ones(N)))
        wrong = dataclasses.replace(
            network, channel_cell=np.array([5]), channel_start=start, channel_distance=np.array([distance])
        )
        with pytest.raises(ValueError, match="do not lie on their segments"):
            along_channel(wrong, flow, load, reactions, found)


def test_bytes_do_not_depend_on_threads() -> None:
    inputs = case(9)
    alone = steady(*inputs)[0].outlet.tobytes()
    with ThreadPoolExecutor(4) as pool:
        together = [future.result()[0].outlet.tobytes() for future in [pool.submit(steady, *inputs) for _ in range(16)]]
    assert set(together) == {alone}
