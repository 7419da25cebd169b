"""River courses given by a few points, laid over a grid as channels that descend strictly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from sim.arrays import FloatArray, IntArray

#: least fall from one channel cell to the next, m; float32 resolves 0.0005 m at 8,000 m
LEAST_FALL = 0.01

Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Course:
    """A river as cells from its head to its mouth; rows and columns may lie outside the grid."""

    name: str
    cells: tuple[Cell, ...]
    height: FloatArray

    def __post_init__(self) -> None:
        if len(self.cells) != self.height.size:
            raise ValueError(f"course {self.name}: {len(self.cells)} cells, {self.height.size} heights")


def lay_courses(
    names: Sequence[str],
    rows: Sequence[FloatArray],
    columns: Sequence[FloatArray],
    heights: Sequence[FloatArray],
    inside: Sequence[bool],
    *,
    join_reach: float,
) -> list[Course]:
    """Rasterise courses, join each to the course it ends on and make every channel descend strictly.

    Courses that leave over the edge are laid first. A course that ends inside the terrain is carried on straight to
    the nearest other course and laid after it; it ends where it first touches a course laid before it. Coarse cells
    can make courses that meet at one place each end on the other: of such a circle, the one with the least detour is
    carried on to the nearest course already laid instead, the one that ends lowest where the detours are equal.

    Parameters
    ----------
    names : (k,) str
    rows, columns : per course (p,) float, cell coordinates (cell centres are whole numbers), downstream order
    heights : per course (p,) float, m, better from `descending`: what rises is raised further up
    inside : per course, True if it ends inside the terrain, so on another course; False if it ends at the edge
    join_reach : float, cells; greatest gap between the last point and the course it ends on

    Raises
    ------
    ValueError
        If a course has fewer than two points, ends on no course, or on courses none of which leads to the edge.
    """
    lines = [_raster_line(name, r, c, h) for name, r, c, h in zip(names, rows, columns, heights, strict=True)]
    targets = _targets(lines, inside, join_reach)
    taken: dict[Cell, float] = {}
    laid: dict[int, Course] = {}
    while len(laid) < len(lines):
        waiting = [k for k in range(len(lines)) if k not in laid]
        ready = [k for k in waiting if k not in targets or targets[k].course in laid]
        if not ready:
            ready = [_leaves_circle(lines, targets, waiting, taken, join_reach)]
        for k in ready:
            line = lines[k]
            if k in targets:
                # the other course may have been cut short of that cell, or be part of the same circle
                to = targets[k].cell
                line = _extended(line, to if to in taken else _nearest(line, taken)[1])
            laid[k] = _descending_to_mouth(_cut_at_touch(line, taken), taken)
            taken.update(zip(laid[k].cells[: _own(laid[k], taken)], laid[k].height.tolist(), strict=False))
    return [laid[k] for k in range(len(lines))]


def descending(height: FloatArray) -> FloatArray:
    """Heights that nowhere rise downstream, with steps of level points turned into even falls.

    The running minimum removes rises. Elevation read off a model with coarse grey steps makes stairs; the middle of
    each stair keeps its height and the rest is interpolated.

    Examples
    --------
    >>> descending(np.array([9.0, 5.0, 7.0, 5.0, 1.0])).tolist()
    [9.0, 7.0, 5.0, 3.0, 1.0]
    """
    z = np.minimum.accumulate(np.asarray(height, dtype=np.float64))
    if z.size < 3:
        return z
    first = np.flatnonzero(np.r_[True, np.diff(z) != 0.0])
    last = np.r_[first[1:] - 1, z.size - 1]
    # the ends keep their own position, so that a course neither starts nor ends off its point
    knots = np.r_[0.0, (first[1:-1] + last[1:-1]) / 2.0, z.size - 1.0]
    values = z[first] if first.size > 1 else np.r_[z[0], z[0]]
    return np.interp(np.arange(z.size), knots, values)


def cells_between(start: Cell, end: Cell) -> list[Cell]:
    """Cells of the straight line from `start` to `end`, both included, each touching the next."""
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    rows = np.rint(np.linspace(start[0], end[0], steps + 1)).astype(np.int64)
    columns = np.rint(np.linspace(start[1], end[1], steps + 1)).astype(np.int64)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _raster_line(name: str, rows: FloatArray, columns: FloatArray, heights: FloatArray) -> Course:
    if len(rows) < 2:
        raise ValueError(f"course {name} has fewer than two points")
    knots = list(zip(np.rint(rows).astype(np.int64).tolist(), np.rint(columns).astype(np.int64).tolist(), strict=True))
    cells: list[Cell] = []
    height: list[float] = []
    at: dict[Cell, int] = {}
    for k in range(len(knots) - 1):
        piece = cells_between(knots[k], knots[k + 1])
        fall = np.linspace(heights[k], heights[k + 1], len(piece)).tolist()
        for cell, z in zip(piece, fall, strict=True):
            if cell in at:  # the line meets itself: cut the loop out
                keep = at[cell] + 1
                for dropped in cells[keep:]:
                    del at[dropped]
                del cells[keep:], height[keep:]
                continue
            at[cell] = len(cells)
            cells.append(cell)
            height.append(z)
    return Course(name, tuple(cells), np.array(height))


class _Target(NamedTuple):
    """The cell of another course nearest to a course's end; gap in cells."""

    course: int
    cell: Cell
    gap: float


def _targets(lines: Sequence[Course], inside: Sequence[bool], join_reach: float) -> dict[int, _Target]:
    """Where each course that ends inside the terrain ends, by the courses as drawn.

    The last cells of other courses do not count: rivers that meet at a place end on the one that passes it.
    """
    if not any(inside):
        return {}
    owner = np.concatenate([np.full(len(line.cells) - 1, k) for k, line in enumerate(lines)])
    cells = np.concatenate([np.array(line.cells[:-1]).reshape(-1, 2) for line in lines])
    targets: dict[int, _Target] = {}
    for k in np.flatnonzero(inside).tolist():
        other = np.flatnonzero(owner != k)
        if not other.size:
            raise ValueError(f"course {lines[k].name} ends inside the terrain, but there is no other course")
        gap, nearest = cKDTree(cells[other]).query(lines[k].cells[-1])
        if gap > join_reach:
            raise ValueError(f"course {lines[k].name} ends {gap:.1f} cells from the nearest course and not at the edge")
        at = other[int(nearest)]
        targets[k] = _Target(int(owner[at]), (int(cells[at, 0]), int(cells[at, 1])), float(gap))
    return targets


def _nearest(line: Course, taken: dict[Cell, float]) -> tuple[float, Cell]:
    """Distance (cells) from the end of a course to the nearest cell of those laid, and that cell."""
    cells = list(taken)
    gap, at = cKDTree(np.array(cells)).query(line.cells[-1])
    return float(gap), cells[int(at)]


def _leaves_circle(
    lines: Sequence[Course], targets: dict[int, _Target], waiting: list[int], taken: dict[Cell, float], reach: float
) -> int:
    """Which of the courses that end on one another in a circle to carry on to a course already laid instead.

    The least detour wins, then the lowest end, then the order given. Courses that only lead to the circle are left
    as they are unless none of the circle itself comes within reach.
    """
    circle = set(waiting)
    for _ in waiting:  # after as many steps as there are courses only the circle itself is still met
        circle = {targets[k].course for k in circle}
    for group in (sorted(circle), waiting):
        found = {k: _nearest(lines[k], taken) for k in group} if taken else {}
        near = [k for k in found if found[k][0] <= reach]
        if near:
            return min(near, key=lambda k: (found[k][0] - targets[k].gap, float(lines[k].height[-1]), k))
    raise ValueError(f"no course leads from these to the edge: {', '.join(lines[k].name for k in waiting)}")


def _extended(line: Course, to: Cell) -> Course:
    """Carry a course on straight to a cell; what would run back over the course itself cuts that loop out."""
    more = cells_between(line.cells[-1], to)
    at = {cell: i for i, cell in enumerate(line.cells)}
    back = max(i for i, cell in enumerate(more) if cell in at)
    keep, more = at[more[back]] + 1, more[back + 1 :]
    height = np.r_[line.height[:keep], np.full(len(more), line.height[keep - 1])]
    return replace(line, cells=line.cells[:keep] + tuple(more), height=height)


def _cut_at_touch(line: Course, taken: dict[Cell, float]) -> Course:
    """End the course on the first cell that another one holds (that cell included)."""
    for i, cell in enumerate(line.cells):
        if cell in taken:
            return replace(line, cells=line.cells[: i + 1], height=line.height[: i + 1])
    return line


def _own(line: Course, taken: dict[Cell, float]) -> int:
    """Number of cells that are the course's own; the cell it ends on belongs to the other."""
    return len(line.cells) - (line.cells[-1] in taken)


def _descending_to_mouth(line: Course, taken: dict[Cell, float]) -> Course:
    """Raise the course where needed so that each cell lies higher than the next and the last flows into its river."""
    height = line.height.copy()
    height[-1] = taken.get(line.cells[-1], height[-1])
    # z_i = max over j >= i of (z_j + (j - i) * fall): the running maximum from the mouth upstream
    ramp = LEAST_FALL * np.arange(height.size)[::-1]
    lifted: IntArray | FloatArray = np.maximum.accumulate((height - ramp)[::-1])[::-1] + ramp
    return replace(line, height=np.asarray(lifted, dtype=np.float64))
