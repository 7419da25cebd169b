"""The public functions of every room with kernels give the same compiled and as plain Python.

Run as a script, this file prints what the rooms give on tiny inputs and which kernels ran (only seen without the
compiler) as JSON. The test runs it once with the compiler off and compares.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("terrain", "network", "hydrology", "transport", "benchmarking")
KM2 = 1e6
NONE = np.empty(0, dtype=np.int64)

Results = dict[str, Any]


def terrain_results() -> Results:
    """Both kinds of conditioning on rough ground with holes and flats, and what follows from flow paths."""
    from sim.terrain import condition_native, depression_sinks, filled_surface, height_above_drainage, slope
    from sim.testing.terrain import bowl, rough

    grid = rough(np.random.default_rng(3), (7, 8), levels=4, hole_share=0.1)
    found: Results = {
        "slope": slope(grid),
        "filled": filled_surface(grid),
        "sinks": depression_sinks(bowl(7), 1.0, 1.0),
    }
    for conditioning in ("carve", "fill"):
        terrain = condition_native(grid, conditioning=conditioning)
        parts = ("conditioned", "receiver", "order", "upstream_cells", "outlet_kind")
        found |= {f"{conditioning} {part}": getattr(terrain, part) for part in parts}
        above = height_above_drainage(terrain, terrain.upstream_cells > 4)
        found |= {f"{conditioning} above drainage {i}": part for i, part in enumerate(above)}
    found |= drain_results() | path_results() | dispersive_results() | comparison_results()
    return found | tiled_results()


def comparison_results() -> Results:
    """Steps to the nearest stream cell."""
    from sim.terrain.compare import steps_to

    return {"steps to": steps_to(np.array([3, 30]), (7, 8), 4)}


def drain_results() -> Results:
    """Rules of every kind, several strips, both widths of indices, closed and open flats."""
    from sim.terrain import Rule, Rules, drain
    from sim.terrain.rules import CARVE, FILL, KEEP
    from sim.testing.terrain import rough

    grid = rough(np.random.default_rng(8), (9, 10), levels=3, hole_share=0.05)
    valid = np.flatnonzero(grid.valid.ravel())
    rules = (
        Rule(KEEP, min_depth=1.0, min_volume=2.0, holding=valid[::2]),
        Rule(FILL, min_area=3.0),
        Rule(CARVE, within=np.arange(90) % 3 == 0),
    )
    found: Results = {}
    for wide in (False, True):
        for strip_rows in (2, 9):
            d = drain(grid.elevation, grid.valid, rules=Rules(rules), strip_rows=strip_rows, wide_indices=wide)
            assert d.depressions is not None
            tag = f"drain {wide} {strip_rows}"
            parts = {"direction": d.direction, "order": d.order, "cells": d.upstream_cells, "surface": d.conditioned}
            found |= {f"{tag} {name}": part for name, part in parts.items()}
            found |= {f"{tag} volume": d.depressions.volume, f"{tag} decision": d.depressions.decision}
    whole = drain(np.random.default_rng(9).normal(size=(6, 7)))
    return found | {"drain whole": whole.direction, "drain whole surface": whole.conditioned}


def path_results() -> Results:
    """Everything that takes one pass over the order."""
    from sim import terrain as room
    from sim.testing.terrain import rough

    grid = rough(np.random.default_rng(3), (7, 8), levels=4, hole_share=0.1)
    terrain = room.condition_native(grid)
    channel = terrain.upstream_cells > 4
    cells = np.flatnonzero(channel)[:3]
    weight = np.linspace(1.0, 2.0, terrain.direction.size)
    again = room.terrain_from_receivers(grid, terrain.conditioned, terrain.receiver, NONE, "again", "")
    return {
        "again": again.order,
        "accumulate": room.accumulate(terrain, weight),
        "strahler": room.strahler_order(terrain, channel),
        "down": room.downstream_distance(terrain, channel),
        "time": room.travel_time(terrain, weight),
        "up": room.upstream_distance(terrain),
        "catchments": room.catchment_labels(terrain, cells),
        "mask": room.upstream_mask(terrain, cells),
    }


def dispersive_results() -> Results:
    """Every way to spread flow, on rough ground with holes and flats and cells that are not square."""
    from sim.terrain import (
        Dispersion,
        Grid,
        condition_native,
        delivery,
        dispersive_accumulation,
        flow_proportions,
    )
    from sim.testing.terrain import rough

    square = rough(np.random.default_rng(4), (9, 8), levels=9, hole_share=0.1)
    grid = Grid(square.elevation, square.valid, (2.0, 0.0, 0.0, 0.0, -3.0, 0.0), square.crs_wkt, square.label)
    terrain = condition_native(grid)
    channel = terrain.upstream_cells > 12
    cells = np.flatnonzero(grid.valid.ravel())
    found: Results = {}
    for name, how in {
        "d8": "d8",
        "dinf": "dinf",
        "dinf by angle": Dispersion("dinf", split="angle"),
        "mfd": "mfd",
        "mfd, Freeman": Dispersion("mfd", 1.1, contour_lengths=False),
    }.items():
        found[f"{name} shares"] = flow_proportions(terrain, cells, how, channel)
        found[f"{name} area"] = dispersive_accumulation(terrain, np.ones(72), how, channel)
        table = delivery(terrain, cells[:9], channel, how, cut_off=1e-3)
        for field in dataclasses.fields(table):
            found[f"{name} {field.name}"] = getattr(table, field.name)
    return found


def tiled_results() -> Results:
    """Flow paths found in tiles, with level ground across them that has a way out and such that has none."""
    import tempfile

    from sim.io.tile_store import ArrayElevations, Scratch, TileFiles
    from sim.pipeline.tiled import Serial, drain_tiles
    from sim.terrain.rules import Rules
    from sim.terrain.tiles import Layout

    surface = np.random.default_rng(6).integers(2, 6, (9, 10)).astype(np.float32)
    surface[1:4, 1:9] = 1.0
    surface[6, 2:] = 1.5
    layout = Layout(9, 10, 3)
    found: Results = {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Scratch(folder)
        files = TileFiles(scratch)
        drain_tiles(
            ArrayElevations(surface), layout, scratch, files, executor=Serial(), rules=Rules(carve_depth=1.0)
        )  # fmt: skip
        for t in range(layout.count):
            found |= {f"tile {t} {name}": values for name, values in files.read(layout.tile(t)).items()}
    return found


def river() -> tuple[Any, Any, Any]:
    """Flow paths in a valley of 12 x 9 cells of 1 km, the drainage area with one inflow, and its network."""
    from sim.network import build_network, drainage_area
    from sim.terrain import condition_native
    from sim.testing.networks import plain_grid

    row, column = np.mgrid[0:12, 0:9].astype(np.float64)
    bumps = np.random.default_rng(5).uniform(0.0, 60.0, (12, 9))
    height = 900.0 - 20.0 * row + 70.0 * np.abs(column - 4.0) + np.where(column == 4.0, 0.0, bumps)
    terrain = condition_native(plain_grid(height, cell_width=1000.0, cell_height=1000.0))
    inflow_cells, inflow_areas = np.array([4]), np.array([300.0 * KM2])
    total = drainage_area(terrain, inflow_cells, inflow_areas)
    network = build_network(
        terrain, total, 5.0 * KM2, break_cells=np.array([5 * 9 + 4]), inflow_cells=inflow_cells,
        inflow_areas=inflow_areas, max_length=2500.0, sinuosity=1.2, station_names={8 * 9 + 4: "bridge"},
    )  # fmt: skip
    return terrain, total, network


def network_results() -> Results:
    """Inflows and stations, a network and what is snapped to it, and a network from a table."""
    from sim import network as room
    from sim.network.drainage import station_fit

    terrain, total, network = river()
    channel = room.channel_cells(terrain, total, 5.0 * KM2)
    x, y = terrain.grid.centre(np.array([4, 8 * 9 + 4, 3 * 9, 7 * 9 + 8]))
    inflow = room.Inflow("north", float(x[0]), float(y[0]), 3000.0, 300.0 * KM2)
    station = room.Station("bridge", float(x[1]), float(y[1]), float(total[8 * 9 + 4]), 2000.0)
    cells = room.find_stations(terrain, total, channel, [station])
    table, position = room.network_from_table(
        ["mouth", "left", "right", "head"], ["", "mouth", "mouth", "left"], [900.0, 500.0, 700.0, 300.0], [0.01] * 4
    )
    found: Results = {
        "inflow cells": room.place_inflows(terrain, [inflow]),
        "total area": total,
        "station cells": cells,
        "table down": table.down,
        "table reach": table.reach,
        "table position": position,
        "basin": room.basin_mask(terrain, 8 * 9 + 4),
    }
    for i, part in enumerate(station_fit(terrain, total, [station], cells)):
        found[f"station fit {i}"] = part
    for i, part in enumerate(room.own_catchments(terrain, network)):
        found[f"catchments {i}"] = part
    for name, snapped in (
        ("snapped", room.snap(terrain, network, x, y)),
        ("first channel cell", room.first_channel_cell(terrain, channel, x, y)),
        ("network", network),
    ):
        for field in dataclasses.fields(snapped):
            value = getattr(snapped, field.name)
            if isinstance(value, np.ndarray):
                found[f"{name} {field.name}"] = value
    return found


def water() -> tuple[Any, Any]:
    """The valley's network and its flow in three periods with two known means."""
    from sim.hydrology import KnownMean, steady_monthly_flow

    _, _, network = river()
    n = network.size
    middle = network.name.index("bridge")
    outlet = int(np.flatnonzero((network.down < 0) & (network.area > 300.0 * KM2))[0])
    flow = steady_monthly_flow(
        network,
        yield_=np.linspace(3e-8, 5e-8, n),
        boundary_yield=np.full(n, 6e-8),
        known_means=[KnownMean("bridge", middle, 20.0), KnownMean("outlet", outlet, 23.0)],
        shape=np.array([0.3, 0.8, 1.9]),
        manning=0.04,
        width_coefficient=5.0,
        width_exponent=0.5,
        temperature=20.0,
        time_edges=np.array([0.0, 1e6, 2e6, 3e6]),
    )
    return network, flow


def hydrology_results() -> Results:
    """Every field of a flow."""
    _, flow = water()
    parts = ("discharge_in", "discharge_out", "lateral", "head", "boundary", "width", "depth", "velocity", "shear")
    return {part: getattr(flow, part) for part in parts}


def transport_results() -> Results:
    """Concentrations on nodes and channel cells, the budget, and travel times."""
    from sim.chemistry.objects import Reactions
    from sim.sources.objects import Load
    from sim.transport import along_channel, steady, travel_time

    network, flow = water()
    t, s, n = 3, 2, network.size
    field = np.ones((t, s, n))
    rate = np.array([0.01, 0.02, 0.005]) * np.ones((t, s, 3))
    load = Load(
        ("kept", "lost"), np.array([0, n // 2, -1]), rate, 1e-4 * field, 2e-4 * field, 3e-4 * field, {}
    )  # fmt: skip
    loss = np.zeros((t, s, n))
    loss[:, 1] = np.array([1e-9, 1e-5, 1e-2])[:, None]
    reactions = Reactions(loss, field, np.zeros((t, n)))
    concentration, budget = steady(network, flow, load, reactions)
    total, from_pits = along_channel(network, flow, load, reactions, concentration)
    return {
        **bed_results(),
        **steady_links_results(),
        **unsteady_results(),
        "inlet": concentration.inlet,
        "outlet": concentration.outlet,
        "pit inlet": concentration.pit_inlet,
        "pit outlet": concentration.pit_outlet,
        "from pits": budget.from_pits,
        "from background": budget.from_background,
        "out": budget.out,
        "reacted": budget.reacted,
        "along": total,
        "along, from pits": from_pits,
        "travel time": travel_time(network, flow, np.array([0, n // 2])),
    }


def benchmarking_results() -> Results:
    """The references, and that they can be read."""
    from sim.benchmarking import _kernels
    from sim.benchmarking.references import References, cycle_through, random_visits, streams

    b, c, one = streams(50)
    all_, last = np.zeros(50), np.zeros(1, dtype=np.int64)
    _kernels.triad(b, c, 3.0, one)
    _kernels.triad_threads(b, c, 3.0, all_)
    _kernels.chase(cycle_through(random_visits(64 * 30)), 8, 17, last)
    read = References(elements=50, jump_bytes=64 * 30).read()
    return {"triad": one, "triad on all threads": all_, "walk": last, "read": np.array([read.jump > 0.0])}


def bed_results() -> Results:
    """Settling with and without burial, erosion of a part and of all, and rest; with diffusion."""
    from sim.transport.bed import bed_layer, exchange
    from sim.transport.solids import BedParameters

    parameters = BedParameters(settling_velocity=[1e-3, 1e-5], layer_thickness=1e-3, deposition_shear=0.2)
    bed = bed_layer([10.0, 20.0, 5.0, 4.0], parameters, members=2, filled=0.9, content=1e-4)
    solids, lead, after, ledger = exchange(
        bed, np.full((4, 2), 0.7), np.full((4, 2), 2e-5), volume=[9.0, 8.0, 7.0, 0.0], shear=[0.0, 0.4, 50.0, 0.25],
        kd=[[100.0, 0.0]], parameters=parameters, duration=3600.0,
    )  # fmt: skip
    sums = {f"ledger {field.name}": getattr(ledger, field.name) for field in dataclasses.fields(ledger)}
    return {"solids over the bed": solids, "lead over the bed": lead, "bed": after.state} | sums


def steady_links_results() -> Results:
    """Diversions, members in blocks, channel cells one field at a time, and contributions to a place."""
    from sim.chemistry.objects import Reactions
    from sim.sources.objects import Load
    from sim.testing.diversions import flow_with_links
    from sim.testing.networks import random_network
    from sim.transport import steady, steady_contributions, steady_members, travel_time

    rng = np.random.default_rng(2)
    n, t, s = 9, 2, 2
    network = dataclasses.replace(random_network(rng, n), link_from=np.array([1, 1]), link_to=np.array([8, 5]))
    flow = flow_with_links(
        network, head=np.ones((t, n)), lateral=np.ones((t, n)), velocity=0.5, share=np.array([[0.2, 0.3], [0.8, 0.2]]),
        volume=50.0, loss_rate=1e-4,
    )  # fmt: skip
    field = rng.uniform(0.1, 1.0, (t, s, n))
    loads = [Load(("a", "b"), np.array([0, 3]), rng.random((t, s, 2)), field, field, field, {}) for _ in range(2)]
    reactions = Reactions(1e-4 * field, field, field[:, 0])
    faster = reactions._replace(loss_rate=2e-4 * field)
    found: Results = {"linked travel time": travel_time(network, flow, np.array([0]))}
    alone, budget = steady(network, flow, loads[0], reactions)
    found |= {"linked inlet": alone.inlet, "linked diverted": budget.diverted, "linked returned": budget.returned}
    for name, rates in (("shared", reactions), ("own", [reactions, faster])):
        members, sums = steady_members(network, flow, loads, rates)
        found |= {f"members {name}": members.outlet, f"members {name}, reacted": sums.reacted}
    shares = steady_contributions(network, flow, loads[0], reactions, receptor=8, substance="b")
    return found | {"contributions of pits": shares.pits, "contributions of lateral water": shares.lateral}


def unsteady_results() -> Results:
    """Every scheme with a junction, a reservoir, stores, losses and a diversion; one and two columns; the adjoint."""
    from sim.network import network_from_table
    from sim.transport import Channel, Inputs, Rates, Series, build_mesh, contributions, route_water, unsteady

    network, _ = network_from_table(
        ["a", "b", "c", "d", "e"], ["c", "c", "d", "e", ""], [90.0, 60.0, 80.0, 70.0, 50.0], [0.01] * 5
    )
    linked = dataclasses.replace(network, link_from=np.array([0]), link_to=np.array([4]))
    found: Results = {}
    for columns, net, growth in ((1, network, 1.0), (2, linked, 1.1)):
        rise = np.array([[1.0], [growth]])
        water = route_water(
            net, head=np.where(network.down >= 0, 1.0, 0.0), lateral=0.1, abstraction=0.02, diverted=0.2,
            volume=rise * 2.0 * network.length, time_edges=[0.0, 240.0],
        )  # fmt: skip
        pulse = np.array([[1.0], [0.2]]) * np.linspace(1.0, 2.0, columns)
        series = (
            Series(0, "inflow", np.array([0.0, 90.0]), pulse), Series(1, "fixed", np.array([0.0, 60.0]), pulse, True),
            Series(3, "load", np.zeros(1), pulse[:1]), Series(2, "lateral", np.zeros(1), pulse[:1]),
        )  # fmt: skip
        names = tuple("ab"[:columns])
        inputs = Inputs(names, head=0.1, lateral=0.2, series=series)
        per_column = np.linspace(1.0, 2.0, columns) * np.ones((5, 1))
        rates = Rates(1e-4 * per_column, 2e-4 * (columns - 1), 1e-4, 0.5, 0.2, 0.3 * (columns - 1), 1e-3)
        channel = Channel(5.0, 1.0, 1e-3, np.arange(5) == 3)
        mesh = build_mesh(net, 2, reservoir=np.arange(5) == 3, entries=range(5))
        what: dict[str, Any] = {"step": 60.0, "channel": channel, "mesh": mesh}
        for scheme in ("monotone", "second-order", "upwind"):
            run = unsteady(net, water, inputs, rates, scheme=scheme, points=[2, (4, 10.0)], **what)
            found |= {f"unsteady {scheme} {columns}": run.points, f"stores {scheme} {columns}": run.final_stores}
            found[f"ledger {scheme} {columns}"] = run.ledger.stored
        alike = unsteady(net, water, inputs, Rates(decay=1e-4), scheme="second-order", **what)
        found[f"unsteady, columns alike {columns}"] = alike.final_channel
        for when in ("mean", "steady"):
            share = contributions(net, water, inputs, rates, receptor=4, when=when, **what)
            found[f"contributions {when} {columns}"] = share.series
    return found


def results(room: str) -> Results:
    """Named arrays of one room."""
    rooms = (terrain_results, network_results, hydrology_results, transport_results, benchmarking_results)
    return dict(zip(ROOMS, rooms, strict=True))[room]()


def kernels_defined() -> set[str]:
    """`room/file:function` of every compiled function of the package."""
    found = set()
    for path in sorted((ROOT / "sim").glob("*/_kernels*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and any("njit" in ast.unparse(d) for d in node.decorator_list):
                found.add(f"{path.parent.name}/{path.name}:{node.name}")
    return found


def main() -> None:
    """Print all results and the kernels that ran as Python."""
    ran: set[str] = set()

    def watch(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.name.startswith("_kernels"):
            ran.add(f"{path.parent.name}/{path.name}:{frame.f_code.co_name}")

    sys.setprofile(watch)
    found = {room: {name: np.asarray(value).tolist() for name, value in results(room).items()} for room in ROOMS}
    sys.setprofile(None)
    json.dump({"found": found, "ran": sorted(ran)}, sys.stdout)


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    """What this file prints with the compiler off."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve())],
        env={**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.parametrize("room", ROOMS)
def test_results_are_the_same_without_the_compiler(plain: dict[str, Any], room: str) -> None:
    compiled, interpreted = results(room), plain["found"][room]
    assert list(compiled) == list(interpreted)
    for name, value in compiled.items():
        expected = np.asarray(value)
        found = np.array(interpreted[name], dtype=expected.dtype)
        assert found.shape == expected.shape, name
        if np.issubdtype(expected.dtype, np.floating):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0.0, err_msg=name)
        else:
            np.testing.assert_array_equal(found, expected, err_msg=name)


def test_every_kernel_ran_as_plain_python(plain: dict[str, Any]) -> None:
    defined = kernels_defined()
    assert len(defined) > 25
    assert set(plain["ran"]) & defined == defined


if __name__ == "__main__":
    main()
