"""From reaches to rows: coefficients of one period of constant discharge, as the kernels take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.arrays import FloatArray, IntArray
from sim.errors import ScenarioError
from sim.network.objects import RiverNetwork
from sim.transport import _kernels_mesh
from sim.transport._kernels_linear import ABSTRACTED, BACKFLOW, OUT
from sim.transport._kernels_mesh import CELL, JUNCTION
from sim.transport.inputs import NOT_NEGATIVE, Channel, Inputs, Rates, Series
from sim.transport.mesh import Faces, Mesh
from sim.transport.water import Water, label


@dataclass(frozen=True)
class Setup:
    """Everything that does not change during a run; ``wide`` is s where any rate differs between substances, else 1."""

    network: RiverNetwork
    mesh: Mesh
    water: Water
    inputs: Inputs
    dispersion: FloatArray
    storage_area: FloatArray
    exchange: FloatArray
    rates: dict[str, FloatArray]
    columns: int
    wide: int

    @property
    def periods(self) -> int:
        """Number of periods of constant discharge."""
        return len(self.water.time_edges) - 1


@dataclass(frozen=True)
class Stage:
    """Rows of one period; arrays (N,), (N, wide) or (k, N, wide), see `_kernels_limits.Rows` and `March`."""

    faces: Faces
    fixed: FloatArray
    leaving: FloatArray
    volume_before: FloatArray
    volume_after: FloatArray
    sorbed: FloatArray
    decay: FloatArray
    gas: FloatArray
    store_volume: FloatArray
    store_exchange: FloatArray
    store_loss: FloatArray
    source: FloatArray
    inflow_most: FloatArray
    inflow_least: FloatArray
    entries: tuple[tuple[Series, IntArray, FloatArray], ...]
    tap_row: IntArray
    tap_flow: FloatArray
    tap_line: IntArray
    link_from: IntArray
    link_to: IntArray
    link_target: IntArray
    link_discharge: FloatArray


def make_setup(
    network: RiverNetwork, mesh: Mesh, water: Water, inputs: Inputs, channel: Channel, rates: Rates
) -> Setup:
    """Bring everything to canonical shapes and refuse what cannot be."""
    n, s = network.size, len(inputs.substances)
    shape = {
        name: np.asarray(getattr(channel, name), np.float64) for name in ("dispersion", "storage_area", "exchange")
    }
    per_node = {name: np.array(np.broadcast_to(values, (n,))) for name, values in shape.items()}
    fields, wide = {}, 1
    for name in Rates.__slots__:
        values = np.asarray(getattr(rates, name), dtype=np.float64)
        columns = values.shape[-1] if values.ndim else 1
        if columns not in (1, s):
            raise ValueError(f"{name} has {columns} columns for {s} substances")
        wide = max(wide, columns)
        full = (1, n, columns) if values.ndim < 3 else (values.shape[0], n, columns)
        fields[name] = np.array(np.broadcast_to(values, full))
        if name != "decay" and len(fields[name]) > 1:
            raise ValueError(f"{name} must not vary in time")
    t = len(water.time_edges) - 1
    if len(fields["decay"]) not in (1, t):
        raise ValueError(f"decay has {len(fields['decay'])} periods, the water {t}")
    for name in NOT_NEGATIVE:
        values = per_node[name] if name in per_node else fields[name]
        wrong = ~((values >= 0.0) & np.isfinite(values))
        for place in np.argwhere(wrong)[:1]:
            node = int(place[0] if values.ndim == 1 else place[1])
            raise ScenarioError(
                204,
                f"{label(network, node)}: {name}",
                got=f"{values[tuple(place)]:g}",
                expected="Must be finite and not negative",
                remedy="Correct the value of this reach",
            )
    _check_series(network, inputs, water)
    fields = {name: np.array(np.broadcast_to(v, (*v.shape[:2], wide))) for name, v in fields.items()}
    return Setup(
        network, mesh, water, inputs, per_node["dispersion"], per_node["storage_area"], per_node["exchange"],
        fields, s, wide,
    )  # fmt: skip


def _check_series(network: RiverNetwork, inputs: Inputs, water: Water) -> None:
    """Refuse series that do not fit their place."""
    donors = np.bincount(network.down[network.down >= 0], minlength=network.size)
    for series in inputs.series:
        if not 0 <= series.node < network.size:
            raise ValueError(f"series at node {series.node} of a network of {network.size}")
        if series.value.shape[1] != len(inputs.substances):
            raise ValueError(f"series with {series.value.shape[1]} columns for {len(inputs.substances)} substances")
        if series.kind == "fixed" and donors[series.node] > 0:
            raise ScenarioError(
                209,
                f"series (fixed) at {label(network, series.node)}",
                expected="A concentration can be fixed only at the head of a reach with none above",
                remedy="Give the mass as a load, or the concentration of the inflow",
            )
        needed = {"inflow": water.head, "fixed": water.head, "lateral": water.lateral}.get(series.kind)
        if needed is not None and not np.all(needed[:, series.node] > 0.0):
            raise ScenarioError(
                209,
                f"series ({series.kind}) at {label(network, series.node)}",
                got="0 m3/s",
                expected="The water whose concentration is given must flow in every period",
                remedy="Give the reach that inflow, or give the mass as a load",
            )


def stage(setup: Setup, period: int) -> Stage:
    """Rows of one period."""
    mesh, water, n = setup.mesh, setup.water, setup.mesh.size
    node, share, junction = mesh.node, mesh.share, mesh.kind == JUNCTION
    before, after = (water.volume[p][node] * share for p in (period, period + 1))
    middle = 0.5 * (before + after)
    taken = np.zeros(setup.network.size)
    np.add.at(taken, setup.network.link_from, water.diverted[period])
    faces = _faces(setup, period, middle, taken)
    decay, gas, sorbed = (_rows(setup, name, period) for name in ("decay", "gas_exchange", "sorption"))
    # the bed's mass does not follow the water's; it belongs to the volume at the start of the run
    bed = (water.volume[0][node] * share)[:, None]
    volumes, exchanges, losses = _stores(setup, bed, middle)
    abstraction = water.abstraction[period][node] * share
    fixed, leaving, taps = _leaving(setup, faces, abstraction, water.diverted[period])
    source, most, least = _source(setup, period, gas * middle[:, None])
    link = setup.network
    link_to = mesh.entry[link.link_to]
    return Stage(
        faces=faces,
        fixed=fixed,
        leaving=leaving,
        volume_before=before,
        volume_after=after,
        sorbed=sorbed * bed,
        decay=decay * middle[:, None],
        gas=gas * middle[:, None],
        store_volume=volumes,
        store_exchange=exchanges,
        store_loss=losses,
        source=source,
        inflow_most=most,
        inflow_least=least,
        entries=tuple(_entry(setup, period, series, faces) for series in setup.inputs.series),
        tap_row=np.array([row for row, _, _ in taps], dtype=np.int64),
        tap_flow=np.array([flow for _, flow, _ in taps], dtype=np.float64),
        tap_line=np.array([line for _, _, line in taps], dtype=np.int64),
        link_from=mesh.last[link.link_from],
        link_to=link_to,
        link_target=np.where(junction[link_to], mesh.down[link_to] % n, link_to),
        link_discharge=np.array(water.diverted[period]),
    )


def _rows(setup: Setup, name: str, period: int = 0) -> FloatArray:
    """(N, wide) a rate on rows."""
    values = setup.rates[name]
    return np.asarray(values[period if len(values) > 1 else 0][setup.mesh.node])


def _faces(setup: Setup, period: int, middle: FloatArray, taken: FloatArray) -> Faces:
    """Discharge and coefficients of every downstream face."""
    mesh, water = setup.mesh, setup.water
    q_in, q_out = water.discharge_in[period][mesh.node], water.discharge_out[period][mesh.node]
    along = q_out + taken[mesh.node] - q_in
    discharge = q_in + (mesh.rank + 1) * mesh.share * along
    discharge[mesh.last] = water.discharge_out[period]
    safe = np.where(mesh.length > 0.0, mesh.length, 1.0)
    conductance = np.where(mesh.kind == CELL, 2.0 * middle * setup.dispersion[mesh.node] / safe**2, 0.0)
    upwind, central = np.empty(mesh.size), np.empty(mesh.size)
    _kernels_mesh.faces(mesh.down, mesh.kind, mesh.length, discharge, conductance, upwind, central)
    return Faces(discharge, conductance, upwind, central)


def _stores(setup: Setup, bed: FloatArray, middle: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Volume, exchange and loss of the storage zone and of the bed that sorbs with a rate, those that exist."""
    mesh, wide = setup.mesh, (setup.mesh.size, setup.wide)
    found: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    if np.any(setup.storage_area > 0.0):
        volume = (setup.storage_area[mesh.node] * mesh.length)[:, None]
        exchange = np.where(volume > 0.0, (setup.exchange[mesh.node] * middle)[:, None], 0.0)
        found.append((volume, exchange, _rows(setup, "storage_decay") * volume))
    kinetic = _rows(setup, "kinetic_sorption")
    if np.any(kinetic > 0.0):
        volume = kinetic * bed
        found.append((volume, _rows(setup, "sorption_rate") * volume, np.zeros(wide)))
    empty = np.empty((0, *wide))
    if not found:
        return empty, empty, empty
    parts = [np.stack([np.broadcast_to(row[i], wide) for row in found]) for i in range(3)]
    return parts[0], parts[1], parts[2]


def _leaving(
    setup: Setup, faces: Faces, abstraction: FloatArray, diverted: FloatArray
) -> tuple[FloatArray, FloatArray, list[tuple[int, float, int]]]:
    """What leaves rows other than through faces; what of it leaves the network; and the taps that count it."""
    mesh = setup.mesh
    leaving = abstraction.copy()
    taps = [(int(i), float(abstraction[i]), ABSTRACTED) for i in np.flatnonzero(abstraction > 0.0)]
    for series in setup.inputs.series:
        if series.kind == "fixed":
            row = int(mesh.first[series.node])
            leaving[row] += faces.conductance[row]
            taps.append((row, float(faces.conductance[row]), BACKFLOW))
    fixed = leaving.copy()
    np.add.at(fixed, mesh.last[setup.network.link_from], diverted)
    for outlet in np.flatnonzero(mesh.down == mesh.size):
        leaving[outlet] += faces.discharge[outlet]
        taps.append((int(outlet), float(faces.discharge[outlet]), OUT))
    return fixed, leaving, taps


def _source(setup: Setup, period: int, gas: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(N, s) kg/s of what enters at all times, (0, s) where nothing does; extremes of its concentrations, kg/m3."""
    mesh, inputs, n, s = setup.mesh, setup.inputs, setup.network.size, setup.columns
    head, lateral = (
        np.broadcast_to(np.asarray(field, dtype=np.float64), (setup.periods, n, s))[period].copy()
        for field in (inputs.head, inputs.lateral)
    )
    for name, field in (("head", head), ("lateral", lateral)):
        wrong = ~((field >= 0.0) & np.isfinite(field))
        for node, column in np.argwhere(wrong)[:1]:
            raise ScenarioError(
                204,
                f"{label(setup.network, int(node))}: concentration of {name} water",
                got=f"{field[node, column]}",
                expected="Must be finite and not negative",
                remedy="Correct the concentration of this reach",
            )
    q_head, q_lateral = setup.water.head[period].copy(), setup.water.lateral[period].copy()
    for series in inputs.series:
        if series.kind in ("inflow", "fixed"):
            q_head[series.node] = 0.0
        elif series.kind == "lateral":
            q_lateral[series.node] = 0.0
    equilibrium = np.broadcast_to(_rows(setup, "gas_equilibrium"), (mesh.size, s))
    source = gas * equilibrium
    np.add.at(source, mesh.entry, q_head[:, None] * head)
    source += (q_lateral[mesh.node] * mesh.share)[:, None] * lateral[mesh.node]
    most, least = np.full((mesh.size, s), -np.inf), np.full((mesh.size, s), np.inf)
    for rows, flows, values in (
        (mesh.entry, q_head[:, None], head),
        (np.arange(mesh.size), (q_lateral[mesh.node] * mesh.share)[:, None], lateral[mesh.node]),
        (np.arange(mesh.size), gas, equilibrium),
    ):
        most[rows] = np.maximum(most[rows], np.where(flows > 0.0, values, -np.inf))
        least[rows] = np.minimum(least[rows], np.where(flows > 0.0, values, np.inf))
    return (source if np.any(source != 0.0) else np.empty((0, s))), most, least


def _entry(setup: Setup, period: int, series: Series, faces: Faces) -> tuple[Series, IntArray, FloatArray]:
    """Rows that a series enters and by what its value is multiplied to give kg/s."""
    mesh, node = setup.mesh, series.node
    head = float(setup.water.head[period, node])
    if series.kind == "lateral":
        rows = np.flatnonzero((mesh.node == node) & (mesh.kind != JUNCTION))
        return series, rows, setup.water.lateral[period, node] * mesh.share[rows]
    if series.kind == "fixed":
        row = mesh.first[node]
        return series, np.array([row]), np.array([head + faces.conductance[row]])
    return series, np.array([mesh.entry[node]]), np.array([1.0 if series.kind == "load" else head])


def entry_nodes(inputs: Inputs, water: Water, network: RiverNetwork) -> Sequence[int]:
    """Nodes at whose upstream end mass or water enters, or a diversion returns."""
    found = set(np.flatnonzero((water.head > 0.0).any(axis=0)).tolist()) | set(network.link_to.tolist())
    return sorted(found | {series.node for series in inputs.series if series.kind in ("load", "inflow")})
