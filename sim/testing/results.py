"""A small finished run without a scenario file: a synthetic valley with sites, computed by the real rooms.

For tests of everything that reads a `Result`: report, run folder, summary. The terrain is 60 km by 80 km.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sim.arrays import FloatArray, IntArray
from sim.pipeline.result import Result
from sim.registry import MONTHS, SECONDS_PER_DAY, SECONDS_PER_YEAR

if TYPE_CHECKING:
    from sim.exposure.objects import Exposure, Receptors, Threshold
    from sim.hydrology.objects import Flow
    from sim.network.objects import RiverNetwork
    from sim.sources.objects import Load, Pits
    from sim.terrain.objects import Grid, Terrain

SUBSTANCES = ("ammonium", "sulfate", "oxalate", "lead")
#: kg/a from one pit and mg/L in clean water: ammonium as N, sulfate, oxalate, lead
_PER_PIT = (6_000.0, 26_000.0, 2_500.0, 12.0)
_CLEAN = (0.05, 3.0, 0.0, 0.002)
_CRS = 32647
_CELL = 500.0
_SHAPE = (160, 120)
_WEST, _NORTH = 560_000.0, 2_880_000.0


def synthetic_result(
    *,
    names: tuple[str, ...] = ("Pangwa", "Lower Town", "Mill"),
    title: str = "Synthetic valley",
    sites: int = 24,
    seed: int = 1,
    river: str = "Winding River",
) -> Result:
    """Compute a landscape result of a few hundred nodes: 24 sites, three receptors, one of them without a position.

    Parameters
    ----------
    names : three texts, names of the receptors; the last one has no position
    title : text shown as title
    sites : number of sites in the upper part of the valley
    seed : of the numpy Generator that places sites
    river : name of the main river for the maps, "" for none
    """
    from sim.network import build_network, drainage_area, first_channel_cell, node_of_cell, snap
    from sim.terrain import condition_native

    terrain = condition_native(valley_grid())
    none = np.empty(0, dtype=np.int64)
    inflow = _lowest_on_top(terrain)
    inflow_area = np.array([900e6])
    total = drainage_area(terrain, inflow, inflow_area)
    channel = (total >= 8e6) & terrain.grid.valid.ravel()
    pits = _pits(np.random.default_rng(seed), sites)
    entry = first_channel_cell(terrain, channel, pits.x, pits.y)
    places = _receptor_points(pits)
    reached = first_channel_cell(terrain, channel, places[:, 0], places[:, 1])
    outlet = int(np.argmax(total))
    station_cells = _stations(terrain, channel, total, outlet, int(entry.cell[0]))
    breaks = np.unique(np.concatenate([entry.cell, reached.cell, np.array(list(station_cells.values())), none]))
    network = build_network(
        terrain,
        total,
        8e6,
        break_cells=breaks[breaks >= 0],
        inflow_cells=inflow,
        inflow_areas=inflow_area,
        max_length=3000.0,
        sinuosity=1.1,
        station_names={cell: name for name, cell in station_cells.items()},
    )
    node_of = node_of_cell(network, terrain.grid.elevation.size)
    flow = _flow(network)
    snapped = snap(terrain, network, pits.x, pits.y)
    load = _load(network, snapped.node, pits.pits)
    receptors = _receptors(names, places, node_of[reached.cell], reached.path_length)
    stations = {name: int(node_of[cell]) for name, cell in station_cells.items()}
    # fmt: off
    return _finish(
        title, network, flow, load, stations,
        terrain=terrain, pits=pits, snapped=snapped, receptors=receptors, total=total, river=river,
    )
    # fmt: on


def synthetic_channel_result(
    *, title: str = "Synthetic channel", rates: tuple[float, ...] = _PER_PIT, background: tuple[float, ...] = _CLEAN
) -> Result:
    """Compute a channel result: twelve segments in a row with one tributary, no terrain, one steady state.

    Parameters
    ----------
    title : text shown as title
    rates : kg/a of ammonium as N, sulfate, oxalate and lead of the one point load, times four; none where all are 0
    background : mg/L of the same substances in all inflowing water
    """
    from sim.hydrology import flow_from_table
    from sim.network.objects import RiverNetwork

    n = 12
    down = np.array([1, 2, 3, 4, 5, 7, 7, 8, 9, 10, 11, -1])
    nan, none = np.full(n, np.nan), np.empty(0, dtype=np.int64)
    head = np.zeros(n)
    head[0], head[6] = 0.4, 1.6
    area_in = np.cumsum(np.full(n, 1e6))
    # fmt: off
    network = RiverNetwork(
        down=down, length=np.full(n, 500.0), slope=np.full(n, 0.004), area_in=area_in, area=area_in,
        boundary_area=np.zeros(n), x=nan, y=nan, elevation=nan, reach=np.arange(n), cell=np.full(n, -1),
        channel_cell=none, channel_start=np.zeros(n + 1, dtype=np.int64), channel_distance=np.empty(0),
        link_from=none, link_to=none, name=tuple(f"reach {i + 1}" for i in range(n)), crs_wkt="",
    )
    # fmt: on
    flow = flow_from_table(
        network, head_inflow=head, lateral_inflow=np.full(n, 0.01), cross_section=np.full(n, 1.2), temperature=20.0
    )
    node = np.array([1] if any(rates) else [], dtype=np.int64)
    load = _load(network, node, np.full(node.size, 4.0), 1, rates, background)
    return _finish(title, network, flow, load, {"reach 9": 8})


def valley_grid() -> Grid:
    """A winding main valley that falls from north to south between ribbed slopes; UTM 47 N, cells of 500 m."""
    from pyproj import CRS

    from sim.terrain.objects import Grid

    ny, nx = _SHAPE
    row, column = np.mgrid[0:ny, 0:nx].astype(np.float64)
    side = np.abs(column - _bed(row))
    ribs = (
        190.0 * (1.0 - np.exp(-side / 12.0)) * (1.0 + np.sin(row / 4.1 + 0.06 * column * np.sign(column - _bed(row))))
    )
    detail = 25.0 * np.sin(column / 3.1 + row / 5.3) * np.cos(column / 4.7 - row / 2.9) * (1.0 - np.exp(-side / 6.0))
    z = 220.0 + 5.5 * (ny - row) + 26.0 * side + ribs + detail
    return Grid(
        z,
        np.ones(_SHAPE, dtype=np.bool_),
        (_CELL, 0.0, _WEST, 0.0, -_CELL, _NORTH),
        CRS.from_epsg(_CRS).to_wkt(),
        "synthetic valley made of sines",
        illustrative=True,
    )


def _bed(row: Any) -> Any:
    """Column of the main valley's bed in each row."""
    return _SHAPE[1] * (0.5 + 0.14 * np.sin(row / 23.0) + 0.05 * np.sin(row / 9.0 + 1.0))


def _lowest_on_top(terrain: Terrain) -> IntArray:
    """Cell of the main valley three rows below the northern edge."""
    nx = terrain.grid.shape[1]
    row = terrain.grid.elevation[3]
    return np.array([3 * nx + int(np.argmin(row))], dtype=np.int64)


def _degrees(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    from pyproj import Transformer

    lon, lat = Transformer.from_crs(_CRS, 4326, always_xy=True).transform(x, y)
    return np.asarray(lon), np.asarray(lat)


def _pits(rng: np.random.Generator, sites: int) -> Pits:
    from sim.sources.objects import Pits

    x = _WEST + 16_000.0 + rng.normal(0.0, 2_500.0, sites)
    y = _NORTH - 24_000.0 + rng.normal(0.0, 3_000.0, sites)
    lon, lat = _degrees(x, y)
    return Pits(
        name=tuple(f"site {k + 1}" for k in range(sites)),
        x=x,
        y=y,
        longitude=lon,
        latitude=lat,
        pits=rng.integers(1, 20, sites).astype(np.float64),
        year=np.full(sites, 2021),
        group=("upper valley",) * sites,
        illustrative=True,
    )


def _receptor_points(pits: Pits) -> FloatArray:
    return np.array([[pits.x[0], pits.y[0]], [_WEST + 33_000.0, _NORTH - 58_000.0]])


def _stations(terrain: Terrain, channel: Any, total: FloatArray, outlet: int, start: int) -> dict[str, int]:
    """First confluence with a much larger river below the sites, and a place near the outlet."""
    path = [start]
    while terrain.receiver[path[-1]] >= 0:
        path.append(int(terrain.receiver[path[-1]]))
    areas = total[path]
    jump = int(np.argmax(np.diff(np.log(areas)) * (areas[1:] > 6e8)))
    return {"Creek mouth": path[jump], "River below the creek": path[jump + 1], "River near the outlet": path[-6]}


def _flow(network: RiverNetwork) -> Flow:
    from sim.hydrology import month_edges, monthly_shape, steady_monthly_flow

    ratios = np.array([0.25, 0.2, 0.25, 0.4, 0.7, 1.6, 2.3, 2.4, 1.9, 1.2, 0.5, 0.3])
    yields = np.full(network.size, 1.2 / SECONDS_PER_YEAR)
    return steady_monthly_flow(
        network,
        yield_=yields,
        boundary_yield=yields,
        known_means=(),
        shape=monthly_shape(ratios, 0.2),
        manning=0.04,
        width_coefficient=5.0,
        width_exponent=0.5,
        temperature=20.0,
        time_edges=month_edges(),
    )


def _load(
    network: RiverNetwork,
    node: IntArray,
    pits: FloatArray,
    periods: int = 12,
    rates: tuple[float, ...] = _PER_PIT,
    clean: tuple[float, ...] = _CLEAN,
) -> Load:
    from sim.sources.objects import LEDGER_LINES, Load

    per_pit = np.array(rates) / SECONDS_PER_YEAR
    rate = np.broadcast_to(per_pit[None, :, None] * pits[None, None, :] * (node >= 0), (periods, 4, len(node)))
    background = np.broadcast_to(np.array(clean)[None, :, None] * 1e-3, (periods, 4, network.size))
    delivered = rate[0].sum(axis=1) * SECONDS_PER_YEAR
    ledger = {line: np.zeros(4) for line in LEDGER_LINES}
    ledger["delivered"] = delivered
    ledger["applied"] = delivered * np.array([4.0, 4.0, 4.0, 0.0])
    ledger["recovered"] = delivered * np.array([3.0, 3.0, 3.0, 0.0])
    ledger["mobilised"] = delivered * np.array([0.0, 0.0, 0.0, 1.0])
    return Load(SUBSTANCES, node, rate, background, background, background, ledger)


def _receptors(names: tuple[str, ...], places: FloatArray, node: IntArray, distance: FloatArray) -> Receptors:
    from sim.exposure.objects import Receptors

    lon, lat = _degrees(places[:, 0], places[:, 1])
    nan = np.array([np.nan])
    return Receptors(
        name=names,
        kind=("town", "town", "village"),
        longitude=np.append(lon, nan),
        latitude=np.append(lat, nan),
        x=np.append(places[:, 0], nan),
        y=np.append(places[:, 1], nan),
        node=np.append(node, -1),
        distance=np.append(distance, nan),
        status=("located", "located", "position not found"),
        evidence=("F", "M", ""),
        source=("F: made up", "M", "nobody knows"),
    )


def _thresholds() -> tuple[Threshold, ...]:
    from sim.exposure.objects import Threshold

    # fmt: off
    rows = (
        ("nh", "ammonium", 0.5e-3, "total", "0.5 mg/L N", "surface water", "classes 2-4", "Thailand", "NEB No. 8", 1994,
         "found"),
        ("nh5", "ammonium", 2e-3, "total", "2.0 mg/L N", "surface water", "class V", "China", "GB 3838-2002", 2002,
         "found"),
        ("so", "sulfate", 0.25, "total", "250 mg/L", "drinking water", "taste", "WHO", "GDWQ", 2022, "memory"),
        ("ox", "oxalate", 0.1, "total", "100 mg/L", "aquatic life", "acute", "-", "SIDS", 2006, "memory"),
        ("pb", "lead", 1e-5, "total", "10 ug/L", "drinking water", "health", "WHO", "GDWQ", 2022, "found"),
        ("pbd", "lead", 1e-6, "dissolved", "1 ug/L", "aquatic life", "chronic", "EU", "2013/39", 2013, "found"),
    )
    # fmt: on
    return tuple(Threshold(*row) for row in rows)


def _exposure(
    network: RiverNetwork,
    flow: Flow,
    load: Load,
    concentration: Any,
    terrain: Terrain,
    pits: Pits,
    receptors: Receptors,
) -> tuple[Exposure, Any]:
    import shapely

    from sim.exposure.assess import downstream_of_sites, exceedance
    from sim.exposure.objects import Exposure
    from sim.exposure.zones import circle_zone, geodesic_area, overlap, points_inside, valley_corridor
    from sim.terrain import height_above_drainage
    from sim.transport import travel_time

    thresholds = _thresholds()
    found = exceedance(network, concentration, thresholds)
    downstream = downstream_of_sites(network, load.node)
    ncell = terrain.grid.elevation.size
    channel, exposed = np.zeros(ncell, dtype=np.bool_), np.zeros(ncell, dtype=np.bool_)
    channel[network.channel_cell] = True
    exposed[network.channel_cell[np.repeat(downstream, np.diff(network.channel_start))]] = True
    height, drains_to, distance = height_above_drainage(terrain, channel)
    corridor = valley_corridor(exposed, height, drains_to, distance, max_height=20.0, max_distance=1500.0)
    zone = circle_zone(pits.longitude, pits.latitude, 8046.72, 128)
    circle = points_inside(zone, *_degrees(*terrain.grid.centre(np.arange(ncell))))
    valid = terrain.grid.valid.ravel()
    return Exposure(
        thresholds=thresholds,
        quotient=found.quotient,
        background_quotient=found.background_quotient,
        months_above=found.months_above,
        exceeded_length=found.exceeded_length,
        exceeded_length_background=found.exceeded_length_background,
        exceeded_length_pits=found.exceeded_length_pits,
        downstream=downstream,
        travel_time=travel_time(network, flow, np.unique(load.node[load.node >= 0])),
        receptors=receptors,
        zone_wkb=shapely.to_wkb(zone, byte_order=1),
        zone_area=geodesic_area(zone),
        zone_radius=8046.72,
        corridor=corridor,
        circle=circle,
        overlap=overlap(valid, terrain.grid.cell_area, circle, corridor, network, downstream),
    ), height


def _finish(
    title: str,
    network: RiverNetwork,
    flow: Flow,
    load: Load,
    stations: dict[str, int],
    *,
    terrain: Terrain | None = None,
    pits: Pits | None = None,
    snapped: Any = None,
    receptors: Receptors | None = None,
    total: FloatArray | None = None,
    river: str = "",
) -> Result:
    from sim.chemistry.objects import Reactions
    from sim.transport import along_channel, steady

    t, n = flow.discharge_in.shape
    loss = np.zeros((t, 4, n))
    loss[:, (0, 2)] = 0.25 / SECONDS_PER_DAY
    dissolved = np.ones((t, 4, n))
    dissolved[:, 3] = 0.12
    reactions = Reactions(loss, dissolved, np.full((t, n), 0.08))
    concentration, budget = steady(network, flow, load, reactions)
    along, along_pits = along_channel(network, flow, load, reactions, concentration)
    lon, lat = _degrees(network.x, network.y) if terrain is not None else (np.full(n, np.nan), np.full(n, np.nan))
    exposure, height = (None, None)
    if terrain is not None and pits is not None and receptors is not None:
        exposure, height = _exposure(network, flow, load, concentration, terrain, pits, receptors)
    landscape = terrain is not None
    return Result(
        scenario=cast(Any, _scenario(title, landscape, river)),
        network=network,
        flow=flow,
        load=load,
        reactions=reactions,
        concentration=concentration,
        budget=budget,
        period_names=MONTHS if t == 12 else ("steady",),
        stations=stations,
        longitude=lon,
        latitude=lat,
        channel_concentration=along,
        channel_pit_concentration=along_pits,
        warnings=("This valley does not exist.",),
        labels=(
            "Modelled, not measured",
            *(("Illustrative terrain", "Illustrative pit positions") if landscape else ()),
            "Prior only: no local measurements",
        ),
        notes=("Made by sim.testing.results.",),
        terrain=terrain,
        pits=pits,
        snapped=snapped,
        exposure=exposure,
        height_above_drainage=height,
        timings={"everything": 1.0},
    )


def _scenario(title: str, landscape: bool, river: str) -> SimpleNamespace:
    """Stand-in for a scenario model: the few fields a reader of results looks at."""
    from sim.scenario.quantity import Sourced

    inflow = SimpleNamespace(name="River over the north edge", area=Sourced(900e6, "km2", "C: made up", 900.0))
    lon, lat = _degrees(np.array([_WEST + _bed(90.0) * _CELL]), np.array([_NORTH - 90.0 * _CELL]))
    rivers = (SimpleNamespace(name=river, lon=Sourced(float(lon[0])), lat=Sourced(float(lat[0]))),) if river else ()
    return SimpleNamespace(
        kind="landscape" if landscape else "channel",
        scenario=SimpleNamespace(
            name="synthetic", title=title, description="A synthetic case.", seed=1, prior_only=True
        ),
        network=SimpleNamespace(
            inflow=(inflow,) if landscape else (), river=rivers, stream_area=Sourced(8e6, "km2", "C: made up", 8.0)
        ),
        sources=SimpleNamespace(loss_fraction=Sourced(0.35, source="M: 0.15-0.65, no local measurement")),
        output=SimpleNamespace(figure_dpi=100.0),
    )
