"""Adjoint and transfer functions against forward runs, on random trees with diversions and water that varies."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.transport import Inputs, Rates, Series, contributions, responses, route_water, unsteady
from tests.property.test_unsteady_properties import DURATION, Case, cases

few = settings(max_examples=15, deadline=None)
LINEAR = st.sampled_from(["second-order", "upwind"])


def only(inputs: Inputs, series: int | None) -> Inputs:
    """Everything silent but one series (None: but the background); its jumps stay, and with them the steps."""
    silent = tuple(
        dataclasses.replace(s, value=s.value * (1.0 if k == series else 1e-200)) for k, s in enumerate(inputs.series)
    )
    if series is None:
        return dataclasses.replace(inputs, series=silent)
    return dataclasses.replace(inputs, head=0.0, lateral=0.0, series=silent)


# J = sum of what every source contributes = the forward run at the receptor, source by source
@few
@given(cases(links=3), LINEAR, st.sampled_from(["mean", 0.37 * DURATION, DURATION]), st.booleans())
def test_contributions_are_forward_runs(case: Case, scheme: Any, when: Any, steady: bool) -> None:
    inputs = case.inputs(2)
    rates = dataclasses.replace(case.rates(2), gas_equilibrium=0.0)
    receptor = (case.network.size - 1, 0.4 * float(case.network.length[-1]))
    options: dict[str, Any] = {
        "step": 400.0, "channel": case.channel, "scheme": scheme, "mesh": case.mesh(),
        "initial": "steady" if steady else "clean",
    }  # fmt: skip
    found = contributions(case.network, case.water, inputs, rates, receptor=receptor, when=when, **options)

    def forward(some: Inputs) -> Any:
        solution = unsteady(case.network, case.water, some, rates, points=[receptor], **options)
        series = solution.points[:, 0]
        if when == "mean":
            return np.trapezoid(series, solution.time, axis=0) / DURATION
        return np.array([np.interp(when, solution.time, column) for column in series.T])

    whole = forward(inputs)
    np.testing.assert_allclose(found.value, whole, rtol=1e-12, atol=1e-12 * whole.max())
    if not steady:
        for k in range(len(inputs.series)):
            np.testing.assert_allclose(found.series[k], forward(only(inputs, k)), rtol=1e-11, atol=1e-12 * whole.max())
        background = forward(only(inputs, None))
        np.testing.assert_allclose(found.background.sum(axis=0), background, rtol=1e-11, atol=1e-12 * whole.max())
        assert np.all(found.initial == 0.0)


# steady: C = w . L^-1 b, so L^-T w is what 1 kg/s anywhere gives
@few
@given(cases(links=3), LINEAR)
def test_steady_contributions(case: Case, scheme: Any) -> None:
    inputs, rates = case.inputs(), case.rates()
    network, n = case.network, case.network.size
    receptor = (n - 1, 0.4 * float(network.length[-1]))
    options: dict[str, Any] = {"step": 400.0, "channel": case.channel, "scheme": scheme, "mesh": case.mesh()}
    found = contributions(network, case.water, inputs, rates, receptor=receptor, when="steady", **options)

    def forward(some: Inputs) -> float:
        solution = unsteady(network, case.water, some, rates, points=[receptor], initial="steady", **options)
        return float(solution.points[0, 0, 0])

    whole = forward(inputs)
    np.testing.assert_allclose(found.value[0], whole, rtol=1e-12)
    rates = dataclasses.replace(rates, gas_equilibrium=0.0)
    for node in case.rng.choice(n, min(n, 3), replace=False):
        load = Inputs(("a",), series=(Series(int(node), "load", np.zeros(1), np.ones(1)),))
        np.testing.assert_allclose(found.node[node, 0], forward(load), rtol=1e-11, atol=1e-13 * found.node.max())


# node: sensitivity to a constant load at any node equals the forward run with that load
@few
@given(cases(links=2), LINEAR)
def test_sensitivity_of_nodes(case: Case, scheme: Any) -> None:
    network, n = case.network, case.network.size
    options: dict[str, Any] = {"step": 400.0, "channel": case.channel, "scheme": scheme, "mesh": case.mesh()}
    nothing = Series(0, "load", np.zeros(1), np.zeros(1))
    found = contributions(
        network, case.water, Inputs(("a",), series=(nothing,)), receptor=n - 1, when=DURATION, **options
    )
    assert found.value[0] == 0.0
    for node in case.rng.choice(n, min(n, 3), replace=False):
        load = Inputs(("a",), series=(Series(int(node), "load", np.zeros(1), np.ones(1)),))
        expected = unsteady(network, case.water, load, points=[n - 1], **options).points[-1, 0, 0]
        np.testing.assert_allclose(found.node[node, 0], expected, rtol=1e-11, atol=1e-12 * found.node.max())


# C(t_i) = sum_j h(t_(i-j)) rate_j for constant flow
@few
@given(cases(links=2), LINEAR)
def test_responses_convolved(case: Case, scheme: Any) -> None:
    network, n, steps = case.network, case.network.size, 15
    water = route_water(
        network, head=case.water.head[0], lateral=case.water.lateral[0], volume=case.water.volume[0],
        diverted=case.water.diverted[0], time_edges=[0.0, DURATION],
    )  # fmt: skip
    nodes = [int(i) for i in case.rng.choice(n, min(n, 2), replace=False)]
    rates = case.rng.uniform(0.0, 3.0, (steps, len(nodes)))
    step = DURATION / steps
    options: dict[str, Any] = {
        "step": step, "channel": case.channel, "scheme": scheme, "mesh": case.mesh(), "points": [n - 1, 0],
    }  # fmt: skip
    kinetics = Rates(decay=1e-4, kinetic_sorption=0.5, sorption_rate=1e-3)
    found = responses(network, water, nodes, kinetics, **options).convolve(rates)
    times = step * np.arange(steps)
    series = tuple(Series(node, "load", times, rates[:, k]) for k, node in enumerate(nodes))
    forward = unsteady(network, water, Inputs(("a",), series=series), kinetics, damped=False, **options)
    np.testing.assert_allclose(found, forward.points[:, :, 0], rtol=1e-10, atol=1e-12 * forward.points.max())


def test_only_linear_schemes() -> None:
    with pytest.raises(ValueError, match="linear scheme"):
        contributions(None, None, None, receptor=0, step=1.0, scheme="monotone")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="linear scheme"):
        responses(None, None, [0], points=[0], step=1.0, scheme="monotone")  # type: ignore[arg-type]
