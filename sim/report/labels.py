"""Where to put names on a map so that none covers another: greedy, deterministic, with leader lines where needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.arrays import FloatArray

Box = tuple[float, float, float, float]

#: A name moves at most this many places down the list of candidates to keep points uncovered.
_MOST_COVERED = 20
#: It moves this many further so that it is not read as another point's name.
_MISLEADING = 60


@dataclass(frozen=True, slots=True)
class Placed:
    """A name's box (x0, y0, x1, y1), whether it was moved so far that it needs a leader line, and the line's end."""

    index: int
    box: Box
    leader: bool

    @property
    def anchor(self) -> tuple[float, float]:
        """Lower left corner, where the text starts."""
        return self.box[0], self.box[1]

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """Point of the box nearest to (x, y), where a leader line ends."""
        return _nearest(self.box, x, y)


def _nearest(box: Box, x: float, y: float) -> tuple[float, float]:
    return min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3])


def overlap(a: Box, b: Box) -> float:
    """Area two boxes share.

    Examples
    --------
    >>> overlap((0, 0, 2, 2), (1, 1, 3, 3))
    1
    """
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


def _candidates(x: float, y: float, width: float, height: float, gap: float, rings: int) -> list[tuple[Box, bool]]:
    """Boxes to try, best first: right, left, above, below, then `rings` further out, which need a leader line."""
    found: list[tuple[Box, bool]] = []
    near = ((1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1), (0, -1))
    for sx, sy in near:
        left = x + sx * gap - (width if sx < 0 else width / 2 if sx == 0 else 0.0)
        bottom = y + sy * gap - (height if sy < 0 else height / 2 if sy == 0 else 0.0)
        found.append(((left, bottom, left + width, bottom + height), False))
    for ring in range(2, 2 + rings):
        reach = gap + height * 0.9 * ring
        for step in range(16):
            angle = math.pi / 8 * ((step + 1) // 2) * (1 if step % 2 else -1)
            dx, dy = math.cos(angle), math.sin(angle)
            left = x + dx * reach - (width if dx < -0.3 else width / 2 if dx < 0.3 else 0.0)
            bottom = y + dy * reach - height / 2
            found.append(((left, bottom, left + width, bottom + height), True))
    return found


def _crosses(start: tuple[float, float], end: tuple[float, float], boxes: Sequence[Box]) -> bool:
    """Whether a line passes through one of the boxes, at one of 20 points along it."""
    for k in range(1, 21):
        x, y = (a + (b - a) * k / 20 for a, b in zip(start, end, strict=True))
        if any(box[0] < x < box[2] and box[1] < y < box[3] for box in boxes):
            return True
    return False


def _misleads(box: Box, index: int, points: Sequence[tuple[float, float]]) -> bool:
    """Whether a box lies nearer to another point than to its own."""
    gaps = [math.dist(point, _nearest(box, *point)) for point in points]
    return min(gaps) < gaps[index]


def _covered(box: Box, points: FloatArray | None) -> int:
    """Number of points in a box."""
    if points is None or len(points) == 0:
        return 0
    x, y = points[:, 0], points[:, 1]
    return int(np.count_nonzero((x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])))


def place_labels(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    frame: Box,
    *,
    obstacles: Sequence[Box] = (),
    avoid: FloatArray | None = None,
    gap: float = 4.0,
    marker: float = 3.0,
    rings: int = 13,
) -> list[Placed]:
    """Place one box beside each point, inside the frame, overlapping no other box, no point's marker and no obstacle.

    Points are served in the order given, so put the important ones first. A point whose box fits nowhere is left out,
    never drawn over another; the caller lists those in the legend.

    Parameters
    ----------
    points : (x, y), any length unit, y up
    sizes : (width, height) of each box, same unit
    frame : x0, y0, x1, y1 that every box must lie in
    obstacles : boxes to keep free
    avoid : (m, 2) points better not covered, such as a river's; a box that covers few goes before one that covers many
    gap : distance between a point and its box
    marker : half the size of a point's marker, kept free
    rings : how many rings of places further out are tried after the eight beside the point

    Returns
    -------
    list of Placed
        In the order of the points; points left out are absent.

    Examples
    --------
    >>> place_labels([(50, 50)], [(20, 10)], (0, 0, 100, 100))[0].box
    (54.0, 45.0, 74.0, 55.0)
    """
    taken: list[Box] = [(x - marker, y - marker, x + marker, y + marker) for x, y in points]
    taken.extend(obstacles)
    placed: list[Placed] = []
    for index, ((x, y), (width, height)) in enumerate(zip(points, sizes, strict=True)):
        best: tuple[float, Box, bool] | None = None
        for rank, (box, leader) in enumerate(_candidates(x, y, width, height, gap, rings)):
            if best is not None and rank >= best[0]:
                break
            inside = box[0] >= frame[0] and box[1] >= frame[1] and box[2] <= frame[2] and box[3] <= frame[3]
            if not inside or any(overlap(box, other) for other in taken):
                continue
            cost = rank + min(_covered(box, avoid), _MOST_COVERED)
            others = taken[:index] + taken[index + 1 :]
            if leader and (_crosses((x, y), _nearest(box, x, y), others) or _misleads(box, index, points)):
                cost += _MISLEADING
            if best is None or cost < best[0]:
                best = (cost, box, leader)
        if best is not None:
            placed.append(Placed(index, best[1], best[2]))
            taken.append(best[1])
    return placed


def spread(positions: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Move positions along a line as little as a simple rule allows until neighbours are `least` apart, within bounds.

    Order is kept. When they do not all fit they are spaced evenly over the whole range.

    Examples
    --------
    >>> spread([1.0, 1.0, 8.0], 2.0, 0.0, 10.0)
    [0.0, 2.0, 8.0]
    """
    count = len(positions)
    if count == 0:
        return []
    order = sorted(range(count), key=lambda i: (positions[i], i))
    if (count - 1) * least >= high - low:
        step = (high - low) / max(count - 1, 1)
        return [low + order.index(i) * step for i in range(count)]
    groups: list[list[float]] = []  # [centre of the group, members]
    for i in order:
        groups.append([min(max(positions[i], low), high), 1.0])
        while len(groups) > 1:
            (c0, m0), (c1, m1) = groups[-2], groups[-1]
            if c1 - c0 >= least * (m0 + m1) / 2 - 1e-12:
                break
            members = m0 + m1
            half = least * (members - 1) / 2
            centre = min(max((c0 * m0 + c1 * m1) / members, low + half), high - half)
            groups[-2:] = [[centre, members]]
    moved = [0.0] * count
    k = 0
    for centre, members in groups:
        for j in range(int(members)):
            moved[order[k]] = centre + (j - (members - 1) / 2) * least
            k += 1
    return moved
