"""Circle zone about the sites, the valley floor downstream of them, and how the two overlap."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import shapely
from pyproj import Geod

from sim.arrays import BoolArray, Float32Array, FloatArray, IntArray
from sim.exposure.objects import Overlap

if TYPE_CHECKING:
    from sim.network.objects import RiverNetwork

_WGS84 = Geod(ellps="WGS84")

#: fewest vertices of a disc; the inscribed polygon then misses less than 0.05 % of the disc's area
MIN_VERTICES = 128


def geodesic_disc(longitude: float, latitude: float, radius: float, vertices: int = 256) -> shapely.Polygon:
    """Return the disc of all places within `radius` of a point along the WGS84 ellipsoid.

    Parameters
    ----------
    longitude, latitude : degrees
    radius : m
    vertices : int, at least 128; they lie on the circle, so the polygon is inscribed

    Raises
    ------
    ValueError
        If `vertices` is too small, or the disc touches a pole or the date line.

    Notes
    -----
    Vertices are found by the direct geodesic problem (Karney 2013, doi 10.1007/s00190-012-0578-z).

    Examples
    --------
    >>> round(Geod(ellps="WGS84").geometry_area_perimeter(geodesic_disc(98.4, 25.6, 8046.72))[0] / 1e6, 1)
    203.4
    """
    if vertices < MIN_VERTICES:
        raise ValueError(f"a disc needs at least {MIN_VERTICES} vertices, got {vertices}")
    azimuth = -np.linspace(0.0, 360.0, vertices, endpoint=False)  # counter-clockwise: positive geodesic area
    start = np.full(vertices, 1.0)
    x, y, _ = _WGS84.fwd(start * longitude, start * latitude, azimuth, start * radius)
    if np.ptp(x) > 180.0 or np.abs(y).max() > 89.0:
        raise ValueError("discs across the date line or a pole are not supported")
    return shapely.Polygon(np.column_stack((x, y)))


def circle_zone(longitude: FloatArray, latitude: FloatArray, radius: float, vertices: int = 256) -> shapely.Geometry:
    """Return the union of the geodesic discs about all sites, WGS84.

    Parameters
    ----------
    longitude, latitude : (k,) degrees
    radius : m, 8046.72 for five miles
    vertices : int, of each disc
    """
    discs = [
        geodesic_disc(lon, lat, radius, vertices)
        for lon, lat in zip(longitude.tolist(), latitude.tolist(), strict=True)
    ]
    return shapely.normalize(shapely.union_all(discs))


def geodesic_area(zone: shapely.Geometry) -> float:
    """Return the area of a WGS84 polygon on the ellipsoid, m2, holes subtracted."""
    oriented = shapely.orient_polygons(zone, exterior_cw=False)
    area, _ = _WGS84.geometry_area_perimeter(oriented)
    return abs(float(area))


def points_inside(zone: shapely.Geometry, longitude: FloatArray, latitude: FloatArray) -> BoolArray:
    """Return which points lie in the zone, (n,) bool."""
    inside = np.zeros(longitude.shape, dtype=np.bool_)
    if shapely.is_empty(zone):
        return inside
    west, south, east, north = shapely.bounds(zone)
    near = (longitude >= west) & (longitude <= east) & (latitude >= south) & (latitude <= north)
    shapely.prepare(zone)
    inside[near] = shapely.contains_xy(zone, longitude[near], latitude[near])
    return inside


def valley_corridor(
    exposed_channel: BoolArray,
    height: Float32Array,
    drains_to: IntArray,
    distance: FloatArray,
    *,
    max_height: float,
    max_distance: float,
) -> BoolArray:
    """Return the cells of the valley floor beside exposed channels, (ncell,) bool.

    Parameters
    ----------
    exposed_channel : (ncell,) bool, channel cells downstream of a site
    height : (ncell,) m, height above the channel cell a cell drains to
    drains_to : (ncell,) flat index of that channel cell, -1 where there is none
    distance : (ncell,) m, length of the flow path to it
    max_height, max_distance : m

    Notes
    -----
    Height above nearest drainage after Nobre et al. 2011, doi 10.1016/j.jhydrol.2011.03.051. A cell belongs to the
    corridor when the channel it drains to is exposed, it lies at most `max_height` above it and within
    `max_distance` of it.
    """
    linked = drains_to >= 0
    near = np.zeros(exposed_channel.shape, dtype=np.bool_)
    near[linked] = exposed_channel[drains_to[linked]]
    return near & (height <= max_height) & (distance <= max_distance)


def overlap(
    valid: BoolArray,
    cell_area: float,
    circle: BoolArray,
    corridor: BoolArray,
    network: RiverNetwork,
    downstream: BoolArray,
) -> Overlap:
    """Count land and river in the circle only, in the modelled zone only, in both and in neither.

    Parameters
    ----------
    valid, circle, corridor : (ncell,) bool
    cell_area : m2
    network : RiverNetwork with channel cells
    downstream : (n,) bool, nodes downstream of a site

    Notes
    -----
    Land is counted in whole cells, so the four classes sum to the terrain's area exactly. River length is shared out
    to channel cells (each owns the stretch from its centre to the next), so the classes sum to the network's length.
    """
    land = [int(np.count_nonzero(valid & c & m)) * cell_area for c, m in _classes(circle, corridor)]
    piece = channel_piece(network)
    count = np.diff(network.channel_start)
    below = np.repeat(downstream, count)
    within = circle[network.channel_cell] if network.channel_cell.size else np.zeros(0, dtype=np.bool_)
    river = [math.fsum(piece[c & m].tolist()) for c, m in _classes(within, below)]
    return Overlap(*land, *river)


def _classes(first: BoolArray, second: BoolArray) -> tuple[tuple[BoolArray, BoolArray], ...]:
    """First only, both, second only, neither."""
    return ((first, ~second), (first, second), (~first, second), (~first, ~second))


def channel_piece(network: RiverNetwork) -> FloatArray:
    """Return the channel length each channel cell stands for, (m,) m; pieces of a node sum to its length."""
    start = network.channel_start
    piece = np.empty(len(network.channel_cell))
    piece[:-1] = np.diff(network.channel_distance)
    last = start[1:] - 1
    has_cells = start[1:] > start[:-1]
    piece[last[has_cells]] = (network.length - network.channel_distance[last])[has_cells]
    return piece
