"""Flow paths by the plainest means: loops over cells, every border between basins, a sorted list and union-find.

Slow, without numba and without the ideas that make `sim.terrain.basins` fast; it says what the answer is. Surfaces of a
few hundred cells at most.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

STEPS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
EDGE, NODATA, KEPT, INVALID = 8, 9, 10, 15


@dataclass
class Oracle:
    """Flow paths on a small surface, without a decision on depressions (paths do not depend on it).

    Parameters
    ----------
    elevation : (ny, nx) real, m
    valid : (ny, nx) bool
    cell_width, cell_height : float, m
    kept : flat cells in which flow ends
    """

    elevation: npt.NDArray[Any]
    valid: npt.NDArray[np.bool_]
    cell_width: float = 1.0
    cell_height: float = 1.0
    kept: tuple[int, ...] = ()
    code: dict[int, int] = field(default_factory=dict)
    basin: dict[int, int] = field(default_factory=dict)
    closed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows, self.columns = self.elevation.shape
        self.z = {int(c): float(self.elevation.ravel()[c]) for c in np.flatnonzero(self.valid.ravel())}
        self._raw_directions()
        self._drain_flats()
        self._label()
        self._join()

    def neighbour(self, cell: int, k: int) -> int | None:
        """Valid neighbour in direction k."""
        row, column = cell // self.columns + STEPS[k][0], cell % self.columns + STEPS[k][1]
        if not (0 <= row < self.rows and 0 <= column < self.columns):
            return None
        to = row * self.columns + column
        return to if to in self.z else None

    def neighbours(self, cell: int) -> list[tuple[int, int]]:
        """(direction, cell) of the valid neighbours."""
        return [(k, to) for k in range(8) if (to := self.neighbour(cell, k)) is not None]

    def outlet_code(self, cell: int) -> int | None:
        """EDGE on the frame, NODATA beside an invalid cell, None elsewhere."""
        if cell // self.columns in (0, self.rows - 1) or cell % self.columns in (0, self.columns - 1):
            return EDGE
        return NODATA if len(self.neighbours(cell)) < 8 else None

    def _raw_directions(self) -> None:
        per = [1.0 / self.cell_width, 1.0 / math.hypot(self.cell_width, self.cell_height), 1.0 / self.cell_height]
        per[1] = 1.0 / math.sqrt(self.cell_width * self.cell_width + self.cell_height * self.cell_height)
        for cell in self.z:
            if cell in self.kept:
                self.code[cell] = KEPT
                continue
            best, code = 0.0, self.outlet_code(cell)
            for k, to in self.neighbours(cell):
                slope = (self.z[cell] - self.z[to]) * (per[1] if k % 2 else per[0] if k in (0, 4) else per[2])
                if slope > best:
                    best, code = slope, k
            if code is not None:
                self.code[cell] = code

    def _spread(self, front: list[int]) -> None:
        """Drain level cells without a code, layer by layer from `front`, which drains already."""
        while front:
            layer = sorted(
                {to for c in front for _, to in self.neighbours(c) if to not in self.code and self.z[to] == self.z[c]}
            )
            found = {
                c: next(k for k, to in self.neighbours(c) if to in self.code and self.z[to] == self.z[c]) for c in layer
            }
            self.code.update(found)
            front = layer

    def _drain_flats(self) -> None:
        self._spread([c for c in self.z if c in self.code])
        for cell in sorted(self.z):
            if cell not in self.code:
                self.code[cell] = -1
                self.closed.append(cell)
                self._spread([cell])

    def _label(self) -> None:
        for cell in self.z:
            at = cell
            while 0 <= self.code[at] < 8:
                at = self._follow(at)
            # the pit names the basin, -1 the outside
            self.basin[cell] = at if self.code[at] == -1 else -1

    def _follow(self, cell: int) -> int:
        to = self.neighbour(cell, self.code[cell])
        assert to is not None
        return to

    def _join(self) -> None:
        """Kruskal over every border between basins, then turn round the way from each spill to its pit."""
        borders = []
        for cell in self.z:
            if self.outlet_code(cell) is not None:
                borders.append((self.z[cell], cell, -1, self.basin[cell], -1))
            for k, to in self.neighbours(cell):
                if (self.z[to], to) < (self.z[cell], cell):
                    borders.append((self.z[cell], cell, k, self.basin[cell], self.basin[to]))
        group = {b: b for b in set(self.basin.values()) | {-1}}

        def find(b: int) -> int:
            while group[b] != b:
                b = group[b]
            return b

        at: dict[int, list[tuple[int, int, int, int]]] = {b: [] for b in group}
        for _, cell, k, one, other in sorted(borders):
            if find(one) != find(other):
                group[find(one)] = find(other)
                at[one].append((other, cell, k, 0))
                at[other].append((one, cell, k, 1))
        seen, queue = {-1}, deque([-1])
        while queue:
            parent = queue.popleft()
            for child, cell, k, parent_is_neighbour in at[parent]:
                if child in seen:
                    continue
                seen.add(child)
                queue.append(child)
                self._turn(child, cell, k, bool(parent_is_neighbour))
        for pit in self.closed:
            self._turn_flat(pit)

    def _turn(self, pit: int, cell: int, k: int, towards: bool) -> None:
        """Turn the way from the spill to the pit; the spill is `cell`, or else its neighbour k that drains into it."""
        if k == -1:
            new = self.outlet_code(cell)
            assert new is not None
        elif towards:
            new = k
        else:
            step = self.neighbour(cell, k)
            assert step is not None
            cell, new = step, (k + 4) % 8
        while True:
            old, self.code[cell] = self.code[cell], new
            if old == -1:
                assert cell == pit
                return
            step = self.neighbour(cell, old)
            assert step is not None
            cell, new = step, (old + 4) % 8

    def _turn_flat(self, pit: int) -> None:
        cell = pit
        while self.code[cell] < 8 and self.z[self._follow(cell)] == self.z[pit]:
            cell = self._follow(cell)
        flat, stack = {pit}, [pit]
        while stack:
            for _, to in self.neighbours(stack.pop()):
                if self.z[to] == self.z[pit] and to not in flat:
                    flat.add(to)
                    stack.append(to)
        for other in flat - {cell}:
            del self.code[other]
        self._spread([cell])

    def directions(self) -> npt.NDArray[np.uint8]:
        """(ncell,) codes."""
        out = np.full(self.rows * self.columns, INVALID, dtype=np.uint8)
        for cell, code in self.code.items():
            out[cell] = code
        return out

    def upstream_cells(self) -> npt.NDArray[np.int64]:
        """(ncell,) number of cells whose path passes through each, itself included."""
        out = np.zeros(self.rows * self.columns, dtype=np.int64)
        for cell in self.z:
            at, steps = cell, 0
            while True:
                out[at] += 1
                if self.code[at] >= 8:
                    break
                at, steps = self._follow(at), steps + 1
                assert steps <= len(self.z), "loop"
        return out

    def filled(self) -> npt.NDArray[np.float64]:
        """(ny, nx) lowest surface without depressions above the ground, by priority flood."""
        level = dict.fromkeys(self.z, math.inf)
        heap = [(self.z[c], c) for c in self.z if self.outlet_code(c) is not None or c in self.kept]
        for z, cell in heap:
            level[cell] = z
        heapq.heapify(heap)
        while heap:
            z, cell = heapq.heappop(heap)
            for _, to in self.neighbours(cell):
                if level[to] == math.inf:
                    level[to] = max(z, self.z[to])
                    heapq.heappush(heap, (level[to], to))
        out = self.elevation.astype(np.float64).copy()
        for cell, z in level.items():
            out.flat[cell] = z
        return out
