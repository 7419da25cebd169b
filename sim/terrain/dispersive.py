"""Dispersive routing: a hillslope cell shares what it carries among lower neighbours, a channel cell does not.

Three methods, all on the conditioned surface: "d8" passes all to the D8 receiver, "dinf" splits between two cells
(Tarboton 1997), "mfd" among all lower ones (Freeman 1991, Quinn et al. 1991).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.arrays import BoolArray, ByteArray, Float32Array, FloatArray, IntArray, canonicalise
from sim.errors import DataError
from sim.terrain import _kernels_dispersive as kernels
from sim.terrain._kernels import DCOL, DROW
from sim.terrain.objects import Terrain

METHODS = ("d8", "dinf", "mfd")
SPLITS = ("direction", "angle")


@dataclass(frozen=True, slots=True)
class Dispersion:
    r"""How a hillslope cell shares what it carries; the name of a method stands for its defaults.

    "dinf" takes the steepest of eight triangular facets and splits between the two cells beside its direction. With
    slope :math:`s_1` over the distance :math:`d_1` to the cell across a side and :math:`s_2` over :math:`d_2` from
    there to the cell across the corner, the latter receives :math:`s_2 d_1 / (s_1 d_2)` (split "direction"), or
    :math:`atan(s_2 / s_1) / atan(d_2 / d_1)` as published (split "angle"). The first keeps the mean step in the
    direction of the facet. The second turns it by up to 4 degrees on square cells, all along a path.

    "mfd" gives every lower neighbour k the share :math:`f_k \propto L_k s_k^p`, s the slope over the true distance.
    L is 1, or the contour length: in a cell of width a and height b with diagonal d, :math:`b^3 / d^2` to the east and
    west, :math:`a^3 / d^2` to the north and south, :math:`ab / (2d)` across corners. On square cells these are the
    0.5 and 0.354 sides of Quinn et al. On any cells they make the mean step on a plane point straight down for p = 1.

    Parameters
    ----------
    method : "d8" (no dispersion), "dinf" or "mfd"
    exponent : p > 0, "mfd" alone; large values tend to D8. Freeman's rule is 1.1 without contour lengths
    contour_lengths : whether L is the contour length, "mfd" alone
    split : "direction" or "angle", "dinf" alone

    Raises
    ------
    ValueError
        If a value is not one of these.

    References
    ----------
    Tarboton 1997, doi 10.1029/96WR03137; Freeman 1991, doi 10.1016/0098-3004(91)90048-I; Quinn, Beven, Chevallier,
    Planchon 1991, doi 10.1002/hyp.3360050106.

    Examples
    --------
    >>> Dispersion("mfd", exponent=1.1, contour_lengths=False).split
    'direction'
    """

    method: str
    exponent: float = 1.0
    contour_lengths: bool = True
    split: str = "direction"

    def __post_init__(self) -> None:
        for name, allowed in (("method", METHODS), ("split", SPLITS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if not (self.exponent > 0.0 and math.isfinite(self.exponent)):
            raise ValueError(f"exponent must be positive, got {self.exponent}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where what starts at some cells goes; one row for each source and each cell where a share of it ends up.

    Parameters
    ----------
    source : (e,) int64, position in the list of sources, ascending
    cell : (e,) int64, flat cell, ascending for each source: the first channel cell on the way, or an outlet or kept
        sink met before any channel
    share : (e,) share of the source, > 0; the shares of a source add up to 1 to rounding
    path_length : (e,) m, mean length of the paths this share took, centre to centre
    in_channel : (e,) bool, whether the cell is a channel cell
    """

    source: IntArray
    cell: IntArray
    share: FloatArray
    path_length: FloatArray
    in_channel: BoolArray

    def __post_init__(self) -> None:
        e = len(self.source)
        whole, real = (np.int64, (e,)), (np.float64, (e,))
        canonicalise(self, source=whole, cell=whole, share=real, path_length=real, in_channel=(np.bool_, (e,)))

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.source)


def dispersive_accumulation(
    terrain: Terrain,
    weight: FloatArray,
    method: str | Dispersion,
    channel: BoolArray | None = None,
) -> FloatArray:
    r"""Sum of a weight over all that drains through each cell, with flow that spreads on hillslopes.

    .. math:: A_j = w_j + \sum_i f_{ij} A_i

    A cell on a hillslope shares by slope among strictly lower neighbours; a channel cell, and a cell without a lower
    neighbour (flat, carved or filled ground), passes all to its D8 receiver; an outlet or kept sink keeps all.
    Shares of a cell add up to 1, so the sums at the ends of flow add up to the sum of the weights, to rounding.

    No flow can run in a loop. Along every link the pair (conditioned elevation, minus the number of D8 cells
    upstream) falls strictly in lexicographic order: a share goes to a strictly lower cell; a D8 step goes to a cell
    that is not higher and, if level, has more cells upstream, the first cell among them. So cells are passed on once
    their last donor has been, in time linear in their number.

    Parameters
    ----------
    terrain : Terrain
    weight : (ncell,) finite, any unit; what stands on invalid cells is left out
    method : "d8", "dinf", "mfd" or a `Dispersion`
    channel : (ncell,) bool, cells that follow D8; none where not given

    Returns
    -------
    (ncell,) float64, in the unit of the weight; 0 where not valid

    Raises
    ------
    DataError
        LS-312 if a D8 flow path rises on the conditioned surface.
    ValueError
        If the method is unknown, a shape differs or a weight is not finite.

    References
    ----------
    As in `Dispersion`.

    Examples
    --------
    >>> from sim.terrain import condition_native
    >>> from sim.testing.terrain import cone
    >>> terrain = condition_native(cone(9))
    >>> area = dispersive_accumulation(terrain, np.ones(81), "dinf")
    >>> round(float(area[terrain.receiver == -1].sum()), 9)
    81.0
    """
    surface = _surface(terrain, channel)
    sums = np.array(weight, dtype=np.float64)
    ncell = terrain.grid.elevation.size
    valid = terrain.grid.valid.ravel()
    if sums.shape != (ncell,):
        raise ValueError(f"weight has shape {sums.shape}, expected {(ncell,)}")
    bad = np.flatnonzero(valid & ~np.isfinite(sums))
    if bad.size:
        raise ValueError(f"weight must be finite on valid cells, and is {sums[bad[0]]} in cell {int(bad[0])}")
    sums[~valid] = 0.0
    status, at = kernels.accumulate(
        *surface, *_rule(terrain, method),
        np.zeros(ncell, dtype=np.uint8), np.empty(terrain.order.size, dtype=np.int64), sums,
    )  # fmt: skip
    if status != kernels.OK:
        raise _path_rises(terrain, at)
    return sums


def flow_proportions(
    terrain: Terrain,
    cells: IntArray,
    method: str | Dispersion,
    channel: BoolArray | None = None,
) -> FloatArray:
    """Shares that cells pass to their neighbours in the order E, SE, S, SW, W, NW, N, NE.

    Parameters
    ----------
    terrain, method, channel : as in `dispersive_accumulation`
    cells : (m,) flat valid cells

    Returns
    -------
    (m, 8) float64; rows add up to 1, or are 0 where flow ends

    Raises
    ------
    DataError, ValueError
        As `dispersive_accumulation`, and if a cell is not a valid one.

    References
    ----------
    As in `Dispersion`.

    Examples
    --------
    >>> from sim.terrain import condition_native
    >>> from sim.testing.terrain import plane
    >>> terrain = condition_native(plane((3, 3), fall_south=0.1))
    >>> flow_proportions(terrain, np.array([4]), "dinf").tolist()
    [[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    surface = _surface(terrain, channel)
    cells = _valid_cells(terrain, cells)
    out = np.empty((cells.size, 8))
    z, valid, toward, mask = surface
    status, at = kernels.proportions(z, valid, toward, mask, cells, *_rule(terrain, method), out)
    if status != kernels.OK:
        raise _path_rises(terrain, at)
    return out


def delivery(
    terrain: Terrain,
    source_cells: IntArray,
    channel: BoolArray,
    method: str | Dispersion,
    *,
    cut_off: float = 1e-6,
) -> Delivery:
    r"""Follow what starts at each source until it has met a channel, left the terrain or ended in a kept sink.

    The rule is that of `dispersive_accumulation` with the unit weight 1 at the source, stopped at the first channel
    cell. Only cells that the source reaches are visited. A cell that holds less than `cut_off` of the source passes
    it whole to its D8 receiver: mass is never lost, and a trickle no longer spreads. The mean path length of a share
    is :math:`M / m` with the first moment :math:`M_j = \sum_i f_{ij} (M_i + m_i d_{ij})`, d the distance of centres.

    Parameters
    ----------
    terrain, method : as in `dispersive_accumulation`
    source_cells : (k,) flat valid cells, the same one more than once if need be
    channel : (ncell,) bool, cells where delivery ends
    cut_off : in [0, 1), share of the source

    Returns
    -------
    Delivery

    Raises
    ------
    DataError, ValueError
        As `dispersive_accumulation`, and if a source is not a valid cell or `cut_off` lies outside its range.

    References
    ----------
    As in `Dispersion`.

    Examples
    --------
    >>> from sim.terrain import condition_native
    >>> from sim.testing.terrain import plane
    >>> terrain = condition_native(plane((4, 5), fall_east=0.01, fall_south=0.04))
    >>> bottom = np.arange(20) >= 15
    >>> found = delivery(terrain, np.array([1]), bottom, "dinf")
    >>> found.cell.tolist(), round(float(found.share.sum()), 12)
    ([16, 17, 18, 19], 1.0)
    """
    if not 0.0 <= cut_off < 1.0:
        raise ValueError(f"cut_off must lie in [0, 1), got {cut_off}")
    z, valid, toward, mask = _surface(terrain, channel)
    cells = _valid_cells(terrain, source_cells)
    code, power, distance, contour = _rule(terrain, method)
    ncell, most = mask.size, terrain.order.size
    # pages of these that no source reaches are never touched, so they cost address space and not memory
    mass, moment = np.zeros(ncell), np.zeros(ncell)
    heap, reached = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    share, length = np.empty(most), np.empty(most)
    rows: list[tuple[IntArray, FloatArray, FloatArray]] = []
    for source in cells.tolist():
        count, at = kernels.deliver(
            z, valid, toward, terrain.upstream_cells, mask, source, code, power, cut_off, distance, contour,
            heap, mass, moment, reached, share, length,
        )  # fmt: skip
        if count < 0:
            raise _path_rises(terrain, at)
        by_cell = np.argsort(reached[:count])
        rows.append((reached[:count][by_cell], share[:count][by_cell], length[:count][by_cell]))
    found = np.concatenate([np.zeros(0, dtype=np.int64), *(row[0] for row in rows)])
    return Delivery(
        source=np.repeat(np.arange(cells.size), [row[0].size for row in rows]),
        cell=found,
        share=np.concatenate([np.zeros(0), *(row[1] for row in rows)]),
        path_length=np.concatenate([np.zeros(0), *(row[2] for row in rows)]),
        in_channel=mask[found],
    )


def _surface(terrain: Terrain, channel: BoolArray | None) -> tuple[Float32Array, BoolArray, ByteArray, BoolArray]:
    """Conditioned elevation, valid cells, D8 directions and channel mask, as kernels take them."""
    ncell = terrain.grid.elevation.size
    mask = np.zeros(ncell, dtype=np.bool_) if channel is None else np.array(channel, dtype=np.bool_)
    if mask.shape != (ncell,):
        raise ValueError(f"channel has shape {mask.shape}, expected {(ncell,)}")
    return terrain.conditioned, terrain.grid.valid, terrain.direction, mask


def _rule(terrain: Terrain, method: str | Dispersion) -> tuple[int, float, FloatArray, FloatArray]:
    """Code of the method, exponent, distance to the eight neighbours (m) and their contour lengths (m, or 1)."""
    how = Dispersion(method) if isinstance(method, str) else method
    code = {
        "d8": kernels.D8,
        "dinf": kernels.DINF if how.split == "direction" else kernels.DINF_BY_ANGLE,
        "mfd": kernels.MFD,
    }[how.method]
    a, b = terrain.grid.cell_width, terrain.grid.cell_height
    distance = np.hypot(DROW * b, DCOL * a)
    contour = np.ones(8)
    if how.contour_lengths:
        d = math.hypot(a, b)
        contour = np.where(DROW == 0, b**3 / d**2, np.where(DCOL == 0, a**3 / d**2, a * b / (2.0 * d)))
    return code, float(how.exponent), distance, contour


def _valid_cells(terrain: Terrain, cells: IntArray) -> IntArray:
    """Flat cells as the kernels take them."""
    cells = np.array(cells, dtype=np.int64)
    valid = terrain.grid.valid.ravel()
    if cells.ndim != 1:
        raise ValueError(f"cells must be one list of flat indices, got shape {cells.shape}")
    inside = (cells >= 0) & (cells < valid.size)
    inside[inside] = valid[cells[inside]]
    if not inside.all():
        raise ValueError(f"cells must be flat indices of valid cells, and {int(cells[~inside][0])} is not")
    return cells


def _path_rises(terrain: Terrain, cell: int) -> DataError:
    row, column = divmod(int(cell), terrain.grid.shape[1])
    return DataError(
        312,
        f"terrain engine {terrain.engine}: row {row}, column {column}",
        got="flow path rises on the conditioned surface",
        expected="Flow paths must fall or stay level for flow to spread beside them",
        remedy='Set terrain.engine = "native"',
    )
