"""Illustrative mining sites: as many as were counted, where they are plausible, always the same for a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from sim.arrays import BoolArray, Float32Array, FloatArray, IntArray, canonicalise
from sim.errors import ScenarioError
from sim.network.tracing import first_on_path
from sim.sources.objects import Pits
from sim.terrain.objects import Grid, Terrain

#: candidates drawn for every cluster centre; the one farthest from the others is taken
CANDIDATES = 12
#: share of a cell's width within which a site is placed about the cell's centre
JITTER = 0.98

LonLat = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True, slots=True)
class SiteZone:
    """A part of the terrain that receives a given number of sites.

    Parameters
    ----------
    name : str, text from users (escape where shown)
    sites : number of sites, >= 1
    allowed : (ncell,) bool, cells that may hold a site, from `zone_cells`
    clusters : number of clusters, >= 1
    cluster_radius : m, >= 0
    pits_weight : pits of a site here relative to other zones, > 0
    """

    name: str
    sites: int
    allowed: BoolArray
    clusters: int
    cluster_radius: float
    pits_weight: float = 1.0

    def __post_init__(self) -> None:
        canonicalise(self, allowed=(np.bool_, (-1,)))
        if self.sites < 1 or self.clusters < 1 or not self.cluster_radius >= 0.0 or not self.pits_weight > 0.0:
            raise ValueError(f"zone {self.name!r}: sites, clusters, cluster_radius or pits_weight out of range")


def zone_cells(
    terrain: Terrain,
    slope: Float32Array,
    channel: BoolArray,
    *,
    inside: Sequence[BoolArray] = (),
    outside: Sequence[BoolArray] = (),
    x: float,
    y: float,
    min_distance: float = 0.0,
    max_distance: float,
    max_slope: float,
) -> BoolArray:
    """Cells of a zone: in the right basins, at the right distance, not too steep, off the channels.

    Parameters
    ----------
    terrain : Terrain
    slope : (ny, nx) or (ncell,) rise over run
    channel : (ncell,) bool
    inside : masks (ncell,) of basins, from `basin_mask`; a cell must lie in one of them when there is any
    outside : masks (ncell,) of basins in which a cell must not lie
    x, y : m, centre of the zone
    min_distance, max_distance : m from the centre, both included
    max_slope : rise over run

    Returns
    -------
    (ncell,) bool
    """
    grid = terrain.grid
    allowed = grid.valid.ravel() & ~channel & (slope.ravel() <= max_slope)
    if inside:
        allowed &= np.logical_or.reduce(list(inside))
    for basin in outside:
        allowed &= ~basin
    cells = np.flatnonzero(allowed)
    cell_x, cell_y = grid.centre(cells)
    distance = np.hypot(cell_x - x, cell_y - y)
    allowed[cells[(distance < min_distance) | (distance > max_distance)]] = False
    return np.asarray(allowed)


def place_sites(
    rng: np.random.Generator,
    grid: Grid,
    zones: Sequence[SiteZone],
    years: Sequence[int] | IntArray,
    sites_per_year: Sequence[int] | IntArray,
    pits_per_year: Sequence[int] | IntArray,
    lonlat: LonLat,
) -> Pits:
    """Place sites in clusters, give them years and pits; every count is met exactly.

    Cluster centres are spread by best candidates (of 12 random cells the one farthest from the centres so far). The
    sites of a cluster lie within its radius on allowed cells, on different ones as long as there are enough, somewhere
    inside the cell. Years are dealt out at random; every site of a year gets one pit, the rest follows a multinomial
    draw with the zones' pits_weight.

    Parameters
    ----------
    rng : Generator
    grid : Grid
    zones : sequence of SiteZone
    years, sites_per_year, pits_per_year : same length
    lonlat : x, y (m) -> longitude, latitude (degrees)

    Returns
    -------
    Pits
        Illustrative, sorted by zone, year and position, named "<zone> 001" and so on.

    Raises
    ------
    ScenarioError
        LS-209 when counts contradict one another or a zone has fewer allowed cells than clusters.
    """
    years, sites_per_year, pits_per_year = (
        [int(value) for value in values] for values in (years, sites_per_year, pits_per_year)
    )
    _check_counts(zones, years, sites_per_year, pits_per_year)
    taken: set[tuple[float, float]] = set()
    placed = [_zone_positions(rng, grid, zone, taken) for zone in zones]
    x, y = np.concatenate([xy[0] for xy in placed]), np.concatenate([xy[1] for xy in placed])
    zone_index = np.repeat(np.arange(len(zones)), [zone.sites for zone in zones])
    year = rng.permutation(np.repeat(np.asarray(years, dtype=np.int64), sites_per_year))
    weight = np.array([zone.pits_weight for zone in zones])[zone_index]
    pits: FloatArray = np.ones(x.size)
    for label, count in zip(years, pits_per_year, strict=True):
        of_year = np.flatnonzero(year == label)
        if of_year.size:
            pits[of_year] += rng.multinomial(count - of_year.size, weight[of_year] / weight[of_year].sum())

    order = np.lexsort((y, x, year, zone_index))
    zone_index, x, y = zone_index[order], x[order], y[order]
    longitude, latitude = lonlat(x, y)
    return Pits(
        name=_names(zones),
        x=x,
        y=y,
        longitude=longitude,
        latitude=latitude,
        pits=pits[order],
        year=year[order],
        group=tuple(zones[i].name for i in zone_index.tolist()),
        illustrative=True,
    )


def distance_to_large_river(
    terrain: Terrain,
    total_area: FloatArray,
    cells: IntArray,
    min_area: float,
    within: BoolArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Distance from cells to the nearest river with at least a given drainage area.

    Parameters
    ----------
    terrain : Terrain
    total_area : (ncell,) m2
    cells : (p,) flat valid cells
    min_area : m2
    within : (ncell,) bool, rivers outside it do not count; e.g. the basin of a station

    Returns
    -------
    (p,) m, (p,) m; straight, and along the flow path; inf where there is none
    """
    grid = terrain.grid
    cells = np.ascontiguousarray(cells, dtype=np.int64)
    large = grid.valid.ravel() & (total_area >= min_area)
    if within is not None:
        large &= within
    nowhere = np.full(cells.size, np.inf)
    if not large.any():
        return nowhere, nowhere.copy()
    river = cKDTree(np.column_stack(grid.centre(np.flatnonzero(large))))
    straight, _ = river.query(np.column_stack(grid.centre(cells)))
    met, _, length = first_on_path(terrain, large, cells)
    return np.asarray(straight, dtype=np.float64), np.where(met >= 0, length, np.inf)


def _check_counts(zones: Sequence[SiteZone], years: Sequence[int], sites: Sequence[int], pits: Sequence[int]) -> None:
    """LS-209 when the counts contradict one another."""
    if not len(years) == len(sites) == len(pits):
        raise ScenarioError(
            209,
            "pits.generate",
            got=f"{len(years)} years, {len(sites)} numbers of sites, {len(pits)} numbers of pits",
            expected="years, sites and pits must have the same length",
            remedy="Give one number of each for every year",
        )
    if len(set(years)) != len(years):
        raise ScenarioError(
            209, "pits.generate.years", got=str(list(years)), expected="Every year must stand once", remedy="Merge them"
        )
    wanted = sum(zone.sites for zone in zones)
    if wanted != sum(sites):
        raise ScenarioError(
            209,
            "pits.generate",
            got=f"{sum(sites)} sites over the years, {wanted} over the zones",
            expected="Both must add up to the same number",
            remedy="Correct sites per year or sites per zone",
        )
    for year, n_sites, n_pits in zip(years, sites, pits, strict=True):
        if n_sites < 0 or n_pits < n_sites or (n_sites == 0 and n_pits > 0):
            raise ScenarioError(
                209,
                "pits.generate",
                got=f"{n_pits} pits on {n_sites} sites in {year}",
                expected="A site has at least one pit, and a pit belongs to a site",
                remedy="Correct the counts of this year",
            )


def _zone_positions(
    rng: np.random.Generator, grid: Grid, zone: SiteZone, taken: set[tuple[float, float]]
) -> tuple[FloatArray, FloatArray]:
    """Positions of a zone's sites, m; `taken` grows by them."""
    cells = np.flatnonzero(zone.allowed)
    if cells.size < zone.clusters:
        raise ScenarioError(
            209,
            f"pits.generate.zone {zone.name!r}",
            got=f"{cells.size} cells for {zone.clusters} clusters",
            expected="The zone must hold at least one cell for every cluster",
            remedy="Widen its distances, raise max_slope, or check drains_to and the position",
        )
    cell_x, cell_y = grid.centre(cells)
    x, y = np.empty(zone.sites), np.empty(zone.sites)
    done = 0
    for k, centre in enumerate(_centres(rng, cell_x, cell_y, zone.clusters)):
        near = np.flatnonzero(np.hypot(cell_x - cell_x[centre], cell_y - cell_y[centre]) <= zone.cluster_radius)
        share = zone.sites // zone.clusters + (k < zone.sites % zone.clusters)
        rounds = -(-share // near.size)
        for j in np.concatenate([rng.permutation(near) for _ in range(rounds)])[:share] if share else ():
            middle = (float(cell_x[centre]), float(cell_y[centre]))
            place = _inside(rng, grid, (float(cell_x[j]), float(cell_y[j])), middle, zone.cluster_radius, taken)
            taken.add(place)
            x[done], y[done] = place
            done += 1
    return x, y


def _centres(rng: np.random.Generator, x: FloatArray, y: FloatArray, count: int) -> list[int]:
    """Indices of `count` different points, spread by best candidates."""
    distance = np.full(x.size, np.inf)
    chosen: list[int] = []
    for _ in range(count):
        free = np.flatnonzero(distance > 0.0)
        candidates = rng.choice(free, size=min(CANDIDATES, free.size), replace=False)
        best = int(candidates[np.argmax(distance[candidates])])
        chosen.append(best)
        distance = np.minimum(distance, np.hypot(x - x[best], y - y[best]))
    return chosen


def _inside(
    rng: np.random.Generator,
    grid: Grid,
    cell: tuple[float, float],
    centre: tuple[float, float],
    radius: float,
    taken: set[tuple[float, float]],
) -> tuple[float, float]:
    """A free position in a cell and within the cluster's radius.

    The cell's own centre lies within the radius, so halving a step that leads out of it always ends inside.
    """
    while True:
        step_x, step_y = (rng.random(2) - 0.5) * JITTER * (grid.cell_width, grid.cell_height)
        while np.hypot(cell[0] + step_x - centre[0], cell[1] + step_y - centre[1]) > radius and max(
            abs(step_x), abs(step_y)
        ) > 1e-3 * min(grid.cell_width, grid.cell_height):
            step_x, step_y = 0.5 * step_x, 0.5 * step_y
        place = (float(cell[0] + step_x), float(cell[1] + step_y))
        if place not in taken:
            return place


def _names(zones: Sequence[SiteZone]) -> tuple[str, ...]:
    """ "<zone> 001" for every site, zone after zone."""
    return tuple(
        f"{zone.name} {k:0{max(3, len(str(zone.sites)))}d}" for zone in zones for k in range(1, zone.sites + 1)
    )
