"""Mesh: the reaches of a network as finite-volume cells, numbered for elimination from leaf to root."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.arrays import BoolArray, FloatArray, IntArray, canonicalise
from sim.errors import ScenarioError
from sim.network.objects import RiverNetwork
from sim.transport import _kernels_mesh
from sim.transport._kernels_mesh import CELL, JUNCTION, RESERVOIR

#: cell Peclet number u dx / D at which central differences begin to alternate
PECLET = 2.0


@dataclass(frozen=True, slots=True)
class Mesh:
    """Rows of the solver; ``down[i] > i``, outlets have ``down[i] == size``.

    A row is a cell, a reservoir (one mixed volume), or a junction: a place without volume where rivers meet or
    something enters between two cells. Its value makes C and the sum of (Q C - A D C_x) continuous there.

    Parameters
    ----------
    down : (N,) int64, row that receives
    kind : (N,) int64, CELL, RESERVOIR or JUNCTION
    node : (N,) int64, node of the network the row belongs to (a junction: the node below it)
    length : (N,) m; 0 for junctions
    share : (N,) part of the node's length in the row; 0 for junctions
    rank : (N,) int64, number of the cell within its node, downstream order; -1 for junctions
    entry : (n,) int64, row in which what enters at a node's upstream end arrives
    first, last : (n,) int64, first and last cell of every node
    """

    down: IntArray
    kind: IntArray
    node: IntArray
    length: FloatArray
    share: FloatArray
    rank: IntArray
    entry: IntArray
    first: IntArray
    last: IntArray

    def __post_init__(self) -> None:
        rows, nodes = len(self.down), len(self.entry)
        whole, real, per_node = (np.int64, (rows,)), (np.float64, (rows,)), (np.int64, (nodes,))
        canonicalise(
            self, down=whole, kind=whole, node=whole, length=real, share=real, rank=whole, entry=per_node,
            first=per_node, last=per_node,
        )  # fmt: skip

    @property
    def size(self) -> int:
        """Number of rows, junctions included."""
        return len(self.down)

    @property
    def cells(self) -> IntArray:
        """Rows that hold water, node after node in downstream order."""
        rows = np.flatnonzero(self.kind != JUNCTION)
        return rows[np.lexsort((self.rank[rows], self.node[rows]))]

    @property
    def target(self) -> IntArray:
        """(N,) receiving cell of every cell, junctions skipped; -1 for junctions."""
        at_junction = np.append(self.kind == JUNCTION, False)[self.down]
        beyond = np.append(self.down, self.size)
        target = np.where(at_junction, beyond[self.down], self.down)
        return np.where(self.kind == JUNCTION, -1, target)

    def middle(self) -> FloatArray:
        """(N,) m, distance of every cell's centre from its node's upstream end; 0 for junctions."""
        return np.where(self.kind == JUNCTION, 0.0, (self.rank + 0.5) * self.length)


def cells_per_reach(
    length: FloatArray,
    velocity: FloatArray,
    dispersion: FloatArray,
    *,
    step: float,
    courant: float = 1.0,
    peclet: float = PECLET,
    most: int = 1000,
) -> IntArray:
    """Number of cells for every reach, from target Courant and Peclet numbers.

    dx = max(Pe D / u, u dt / Cr): as fine as dispersion asks for, but no finer than the step can use;
    count = ceil(L / dx), at least 1 and at most `most`.

    Parameters
    ----------
    length : (n,) m
    velocity : (n,) m/s
    dispersion : (n,) m2/s
    step : s, time step dt
    courant, peclet : 1, targets for u dt / dx and u dx / D
    most : largest number of cells of a reach

    Returns
    -------
    (n,) int64

    Raises
    ------
    ScenarioError
        LS-204 where a length, velocity or target is not positive and finite, or a dispersion is negative.

    References
    ----------
    Runkel 1998, USGS Water-Resources Investigations Report 98-4018 (choice of segments).

    Examples
    --------
    >>> import numpy as np
    >>> cells_per_reach(np.array([1000.0]), np.array([0.5]), np.array([5.0]), step=20.0).tolist()
    [50]
    """
    for name, values, good in (
        ("length", length, np.asarray(length) > 0.0),
        ("velocity", velocity, np.asarray(velocity) > 0.0),
        ("dispersion", dispersion, np.asarray(dispersion) >= 0.0),
        ("step, courant or peclet", [step, courant, peclet], np.array([step, courant, peclet]) > 0.0),
    ):
        wrong = ~(good & np.isfinite(values))
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            raise ScenarioError(
                204,
                f"reach {i}: {name}",
                got=f"{np.asarray(values)[i]:g}",
                expected="Must be positive and finite (a dispersion may be 0)",
                remedy="Correct the reach, or the solver's step and targets",
            )
    size = np.maximum(peclet * np.asarray(dispersion) / velocity, np.asarray(velocity) * step / courant)
    # a length that is a whole number of cells must not gain one by rounding
    count = np.ceil(np.minimum(np.asarray(length) / size, float(most)) * (1.0 - 1e-12))
    return np.clip(count, 1, most).astype(np.int64)


def build_mesh(
    network: RiverNetwork,
    cells: npt.ArrayLike = 1,
    *,
    reservoir: BoolArray | None = None,
    entries: Sequence[int] | IntArray = (),
) -> Mesh:
    """Split every reach into equal cells and number them for elimination.

    Parameters
    ----------
    network : RiverNetwork of n nodes
    cells : (n,) or int, cells of every reach; reservoirs get one
    reservoir : (n,) bool, nodes that are one mixed volume; none by default
    entries : nodes at whose upstream end mass or water may enter; those with rivers above get a junction there

    Returns
    -------
    Mesh

    Raises
    ------
    ValueError
        If a count is less than one or an entry is not a node.

    References
    ----------
    Hines 1984, International Journal of Bio-Medical Computing 15(1), doi 10.1016/0020-7101(84)90008-4 (numbering for
    elimination on a tree).

    Examples
    --------
    >>> from sim.network import network_from_table
    >>> river, _ = network_from_table(["a", "b"], ["b", ""], [100.0, 50.0], [0.01, 0.01])
    >>> build_mesh(river, [2, 1]).length.tolist()
    [50.0, 50.0, 50.0]
    """
    n = network.size
    pool = np.zeros(n, dtype=np.bool_) if reservoir is None else np.asarray(reservoir, dtype=np.bool_)
    count = np.where(pool, 1, np.broadcast_to(np.asarray(cells, dtype=np.int64), (n,)))
    entered = np.asarray(entries, dtype=np.int64)
    if np.any(count < 1) or np.any((entered < 0) | (entered >= n)):
        raise ValueError(f"every reach needs a cell, and entries must lie in [0, {n})")
    donors = np.bincount(network.down[network.down >= 0], minlength=n)
    has_entry = np.zeros(n, dtype=np.bool_)
    has_entry[entered] = True
    # a mixed volume needs no junction: what arrives is mixed at once
    junction = ((donors > 1) | ((donors > 0) & has_entry)) & ~pool
    rows = count + junction
    start = np.concatenate(([0], np.cumsum(rows)))
    node = np.repeat(np.arange(n), rows)
    rank = np.arange(start[-1]) - start[node] - junction[node]
    inner = np.append(network.down, -1)
    last = start[1:] - 1
    down = np.arange(1, start[-1] + 1)
    down[last] = np.where(network.down >= 0, start[inner[:n]], -1)
    order = np.empty(start[-1], dtype=np.int64)
    _kernels_mesh.breadth_first(down, order)
    position = np.empty_like(order)
    position[order] = np.arange(len(order))
    size = len(order)
    moved = down[order]
    kind = np.where(rank < 0, JUNCTION, np.where(pool[node], RESERVOIR, CELL))
    share = np.where(rank < 0, 0.0, 1.0 / count[node])
    return Mesh(
        down=np.where(moved >= 0, position[moved], size),
        kind=kind[order],
        node=node[order],
        length=(share * network.length[node])[order],
        share=share[order],
        rank=rank[order],
        entry=position[start[:-1]],
        first=position[start[:-1] + junction],
        last=position[last],
    )


@dataclass(frozen=True, slots=True)
class Faces:
    """Fluxes through the downstream face of every row, F = Q X_i + beta (X_i - X_j).

    Parameters
    ----------
    discharge : (N,) m3/s
    conductance : (N,) m3/s, 2 A D / dx of the row's half length; 0 for reservoirs and junctions
    upwind, central : (N,) m3/s, beta of the two schemes
    """

    discharge: FloatArray
    conductance: FloatArray
    upwind: FloatArray
    central: FloatArray


def point_weights(
    mesh: Mesh, faces: Faces, node: int, distance: float, *, mixed: bool = False
) -> list[tuple[int, float]]:
    """Rows and weights that give the concentration at a distance from a node's upstream end.

    Linear between the centre of a cell and its faces; at a face the value of the second-order scheme,
    (g_i C_i + g_j C_j)/(g_i + g_j), at a junction the same over all that meet there.

    Parameters
    ----------
    mesh : Mesh
    faces : Faces
    node : node of the network
    distance : m from its upstream end, up to its length
    mixed : True where cells are mixed volumes, which have one value

    Returns
    -------
    list of (row, weight), the weights sum to 1

    Raises
    ------
    ValueError
        If the point does not lie on the node.
    """
    first, last = int(mesh.first[node]), int(mesh.last[node])
    dx = float(mesh.length[first])
    count = int(mesh.rank[last]) + 1
    if not (0 <= node < len(mesh.first) and -1e-9 * dx <= distance <= count * dx * (1.0 + 1e-9)):
        raise ValueError(f"point at {distance} m lies outside node {node} ({count * dx:g} m long)")
    rank = min(math.floor(distance / dx * (1.0 + 1e-12)), count - 1)
    row = first
    above = -1
    for _ in range(rank):
        above, row = row, int(mesh.down[row])
    if mixed or mesh.kind[row] == RESERVOIR:
        return [(row, 1.0)]
    place = min(max(distance / dx - rank, 0.0), 1.0)
    if place >= 0.5:
        face, towards = _face_weights(mesh, faces, row), 2.0 * place - 1.0
    else:
        towards = 1.0 - 2.0 * place
        face = _upstream_face(mesh, faces, row, above) if towards > 0.0 else []
    weights: dict[int, float] = {row: 1.0 - towards}
    for i, w in face:
        weights[i] = weights.get(i, 0.0) + towards * w
    return list(weights.items())


def _upstream_face(mesh: Mesh, faces: Faces, row: int, above: int) -> list[tuple[int, float]]:
    """Weights at the upstream face of a cell; the cell itself where nothing lies above."""
    if above < 0:
        donors = np.flatnonzero(mesh.down == row)
        if len(donors) == 0:
            return [(row, 1.0)]
        above = int(donors[0])
    if mesh.kind[above] == JUNCTION:
        return _junction_weights(mesh, faces, above)
    return _face_weights(mesh, faces, above)


def _face_weights(mesh: Mesh, faces: Faces, i: int) -> list[tuple[int, float]]:
    """Weights at the downstream face of row i."""
    j = int(mesh.down[i])
    if j == mesh.size or mesh.kind[i] == RESERVOIR or mesh.kind[j] == RESERVOIR:
        return [(i, 1.0)]
    if mesh.kind[j] == JUNCTION:
        # where advection rules (beta = 0) a river keeps its own value to its very end
        return _junction_weights(mesh, faces, j) if faces.upwind[i] > 0.0 else [(i, 1.0)]
    # F = Q C_face - G (C_j - C_i) with G = beta of the upwind scheme
    weight = (faces.upwind[i] - faces.central[i]) / faces.discharge[i]
    return [(i, float(1.0 - weight)), (j, float(weight))]


def _junction_weights(mesh: Mesh, faces: Faces, junction: int) -> list[tuple[int, float]]:
    """Weights of the value at a junction without what enters there."""
    donors = np.flatnonzero(mesh.down == junction)
    below = int(mesh.down[junction])
    rows = [*donors.tolist(), below]
    held = [float(faces.upwind[d] + faces.discharge[d]) for d in donors] + [float(faces.upwind[junction])]
    total = math.fsum(held)
    return [(row, g / total) for row, g in zip(rows, held, strict=True) if g > 0.0]
