"""Properties of the exchange between water and bed for any cell, member and step."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.arrays import FloatArray
from sim.transport.bed import Bed, BedExchange, bed_layer, exchange
from sim.transport.solids import BedParameters

K = 3
PER_CELL = ("volume", "area", "shear")
PER_CELL_AND_MEMBER = ("S", "C", "kd", "filled", "content")

Found = tuple[FloatArray, FloatArray, Bed, BedExchange]


@dataclass
class Case:
    """Cells and members in any state."""

    parameters: BedParameters
    volume: FloatArray
    area: FloatArray
    shear: FloatArray
    S: FloatArray
    C: FloatArray
    kd: FloatArray
    filled: FloatArray
    content: FloatArray
    duration: float

    @property
    def bed(self) -> Bed:
        members = self.S.shape[1]
        return bed_layer(self.area, self.parameters, members=members, filled=self.filled, content=self.content)

    def solve(self, **changes: Any) -> Found:
        case = dataclasses.replace(self, **{name: value for name, value in changes.items() if name != "bed"})
        return exchange(
            changes.get("bed", case.bed), case.S, case.C, volume=case.volume, shear=case.shear, kd=case.kd,
            parameters=case.parameters, duration=case.duration,
        )  # fmt: skip


@st.composite
def cases(draw: st.DrawFn) -> Case:
    n = draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def spread(low: float, high: float, *shape: int, none: float = 0.0) -> FloatArray:
        """Powers of ten; a share of them zero."""
        return np.asarray(10.0 ** rng.uniform(low, high, shape) * (rng.random(shape) >= none))

    threshold = spread(-1.0, 0.5, K)
    parameters = BedParameters(
        settling_velocity=spread(-7.0, -2.0, K, none=0.1), deposition_shear=threshold,
        erosion_shear=threshold * (1.0 + spread(-2.0, 0.5, K, none=0.5)), erosion_rate=spread(-7.0, -2.0, K, none=0.1),
        layer_thickness=spread(-6.0, -0.5, K), log_kd=rng.uniform(-3.0, 6.5, K), pore_mixing=spread(-12.0, -6.0, K),
    )  # fmt: skip
    return Case(
        parameters, spread(-2.0, 7.0, n), spread(-1.0, 6.0, n), spread(-3.0, 2.0, n, none=0.1),
        spread(-6.0, 2.0, n, K, none=0.2), spread(-12.0, 0.0, n, K, none=0.2), spread(-3.0, 4.0, n, K, none=0.2),
        np.clip(spread(-4.0, 1.0, n, K, none=0.2), 0.0, 1.0), spread(-9.0, -2.0, n, K, none=0.2),
        draw(st.sampled_from((1.0, 60.0, 3600.0, 86400.0, 1e7, 1e12))),
    )  # fmt: skip


def masses(case: Case, found: Found) -> tuple[FloatArray, FloatArray]:
    """Solids and lead, (3, n, K) kg in the water, in the layer, buried."""
    S, C, bed, _ = found
    V = case.volume[:, None]
    return np.stack((V * S, bed.solids, bed.buried_solids)), np.stack((V * C, bed.lead, bed.buried_lead))


# what leaves one store enters another, cell by cell and in the ledger
@given(cases())
@settings(deadline=None, max_examples=150)
def test_mass_is_kept_and_nothing_is_negative(case: Case) -> None:
    found = case.solve()
    (solids, lead), V = masses(case, found), case.volume[:, None]
    for now, before in ((solids, V * case.S + case.bed.solids), (lead, V * case.C + case.bed.lead)):
        assert np.all(np.isfinite(now))
        assert np.all(now >= 0.0)
        np.testing.assert_allclose(now.sum(axis=0), before, rtol=1e-13)
    ledger = found[3]
    scale = solids.sum(axis=(0, 1)), lead.sum(axis=(0, 1))
    for gained, lines, most in (
        (solids[0] - V * case.S, ledger.eroded_solids - ledger.settled_solids, scale[0]),
        (solids[2], ledger.buried_solids, scale[0]),
        (lead[0] - V * case.C, ledger.eroded_lead - ledger.settled_lead - ledger.diffused_lead, scale[1]),
        (lead[2], ledger.buried_lead, scale[1]),
    ):
        assert np.all(np.abs(gained.sum(axis=0) - lines) <= 1e-13 * most)
    full = case.parameters.full_layer * case.area[:, None]
    assert np.all(solids[1] <= full * (1.0 + 1e-14))
    for line in (ledger.settled_solids, ledger.eroded_solids, ledger.settled_lead, ledger.eroded_lead):
        assert np.all(line >= 0.0)


# at fixed solids the equations are linear in lead
@given(cases(), st.floats(1e-6, 1e6), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=80)
def test_linear_in_lead(case: Case, factor: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    other = {"C": rng.uniform(0.0, 1.0, case.C.shape), "content": rng.uniform(0.0, 0.01, case.content.shape)}
    both = {name: getattr(case, name) + factor * value for name, value in other.items()}
    one, two, three = case.solve(), case.solve(**other), case.solve(**both)
    np.testing.assert_array_equal(three[0], one[0])
    # lead can leave nearly nothing behind, so the error is relative to all there is in a cell
    most = masses(case, three)[1].sum(axis=0)
    for a, b, c in zip(masses(case, one)[1], masses(case, two)[1], masses(case, three)[1], strict=True):
        assert np.all(np.abs(a + factor * b - c) <= 1e-12 * most)


# cells do not see one another: any order and any batch gives the same bytes
@given(cases(), st.data())
@settings(deadline=None, max_examples=60)
def test_order_and_batches_of_cells_do_not_matter(case: Case, data: st.DataObject) -> None:
    n = len(case.volume)
    order = np.array(data.draw(st.permutations(range(n))))
    cut = data.draw(st.integers(0, n))
    S, C, bed, _ = case.solve()
    parts = []
    for cells in (order[:cut], order[cut:]):
        if len(cells):
            names = (*PER_CELL, *PER_CELL_AND_MEMBER)
            parts.append((cells, case.solve(**{name: getattr(case, name)[cells] for name in names})))
    for cells, found in parts:
        np.testing.assert_array_equal(found[0], S[cells])
        np.testing.assert_array_equal(found[1], C[cells])
        np.testing.assert_array_equal(found[2].state, bed.state[:, cells])


# nor do members
@given(cases(), st.integers(0, K - 1))
@settings(deadline=None, max_examples=60)
def test_members_alone_give_the_same_bytes(case: Case, member: int) -> None:
    S, C, bed, ledger = case.solve()
    parameters = BedParameters(**{
        field.name: np.broadcast_to(getattr(case.parameters, field.name), (K,))[member]
        for field in dataclasses.fields(BedParameters)
    })  # fmt: skip
    column = slice(member, member + 1)
    alone = case.solve(parameters=parameters, **{name: getattr(case, name)[:, column] for name in PER_CELL_AND_MEMBER})
    np.testing.assert_array_equal(alone[0], S[:, column])
    np.testing.assert_array_equal(alone[1], C[:, column])
    np.testing.assert_array_equal(alone[2].state, bed.state[:, :, column])
    for field in dataclasses.fields(BedExchange):
        np.testing.assert_array_equal(getattr(alone[3], field.name), getattr(ledger, field.name)[column])


# without diffusion the solution is exact: two steps are one
@given(cases(), st.floats(0.0, 1.0))
@settings(deadline=None, max_examples=80)
def test_splitting_a_step_changes_nothing_without_diffusion(case: Case, share: float) -> None:
    parts = {field.name: getattr(case.parameters, field.name) for field in dataclasses.fields(BedParameters)}
    case = dataclasses.replace(
        case, parameters=BedParameters(**parts | {"pore_mixing": 0.0, "molecular_diffusion": 0.0})
    )
    whole = case.solve()
    S, C, bed, _ = case.solve(duration=share * case.duration)
    twice = case.solve(S=S, C=C, bed=bed, duration=case.duration - share * case.duration)
    for one, two in zip(masses(case, whole), masses(case, twice), strict=True):
        assert np.all(np.abs(one - two) <= 1e-11 * one.sum(axis=0))


# more shear never leaves less solids in the water
@given(cases(), st.floats(1.0, 10.0))
@settings(deadline=None, max_examples=60)
def test_solids_in_the_water_rise_with_shear(case: Case, factor: float) -> None:
    calm, rough = case.solve()[0], case.solve(shear=factor * case.shear)[0]
    assert np.all(rough >= calm * (1.0 - 1e-13))


def test_cases_reach_every_process() -> None:
    """The strategy's ranges make all of settling, erosion, burial and diffusion happen, not one alone."""
    seen = dict.fromkeys((field.name for field in dataclasses.fields(BedExchange)), 0)

    @given(cases())
    @settings(deadline=None, max_examples=40, derandomize=True, database=None)
    def count(case: Case) -> None:
        ledger = case.solve()[3]
        for name in seen:
            seen[name] += int(np.count_nonzero(getattr(ledger, name)))

    count()
    assert min(seen.values()) > 10, seen


@pytest.mark.parametrize("steps", [1, 10, 1000])
def test_dissolved_differences_never_grow(steps: int) -> None:
    # without exchange of solids C_d and C_p approach each other at any step
    parameters = BedParameters(settling_velocity=0.0, log_kd=0.0)
    bed, C = bed_layer([1.0], parameters, content=1e-3), np.array([[0.0]])
    before = np.inf
    for _ in range(steps):
        _, C, bed, _ = exchange(
            bed, [[0.1]], C, volume=[1.0], shear=[0.0], kd=1.0, parameters=parameters, duration=1e8 / steps
        )
        difference = float(bed.pore_concentration(parameters)[0, 0] - C[0, 0] / 1.1)
        assert -1e-15 <= difference <= before
        before = difference
