"""Terrain: elevations to flow paths, and height above drainage, on rough and smooth ground."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from sim.benchmarking.landscapes import grid_of, stored
from sim.benchmarking.objects import OURS, Entrant, Task, Work, WrongAnswer
from sim.terrain import Drainage, condition_native, drain, height_above_drainage
from sim.terrain.objects import EDGE_CODE, Terrain

#: cells draining through a cell from which on it is channel in `height`
CHANNEL_CELLS = 1000
_PEERS = "sim.benchmarking.peers"
_BETWEEN = "between stages"
#: bytes per cell each stage must move: elevation 4, direction 1, label 4, donors 1, order 4, cells upstream 4;
#: what works on basins or along paths touches few cells and has no such floor
_STAGE_BYTES = {"directions": 5.0, "labels": 5.0, "passes": 9.0, "surface": 12.0, "donors": 2.0, "order": 10.0}


def _route(side: int, kind: str, folder: Path) -> Work:
    grid = grid_of(stored(side, kind, folder))

    def run() -> Drainage:
        return drain(
            grid.elevation,
            cell_width=grid.cell_width,
            cell_height=grid.cell_height,
            conditioned=False,
            measure=False,
        )

    def check(found: Drainage) -> None:
        leaving = found.direction >= EDGE_CODE
        require_all_cells(int(found.upstream_cells[leaving].sum(dtype=np.int64)), grid.elevation.size)
        if found.order.size != grid.elevation.size:
            raise WrongAnswer(f"{found.order.size} cells in the order, {grid.elevation.size} on the ground")

    return Work(grid.elevation.size, run, check)


class Stopwatch:
    """Takes the calls of a `sim.terrain` progress callback and keeps the seconds of every stage.

    What lies between the end of one stage and the beginning of the next is kept as "between stages".

    Examples
    --------
    >>> watch = Stopwatch()
    >>> watch("labels", 0.0); watch("labels", 1.0); watch.stop()
    >>> list(watch.seconds)
    ['between stages', 'labels']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage, self._since = _BETWEEN, time.perf_counter()

    def __call__(self, stage: str, share: float) -> None:
        self._add()
        self._stage = _BETWEEN if share >= 1.0 else stage

    def stop(self) -> None:
        """Count what has passed since the last call."""
        self._add()

    def _add(self) -> None:
        now = time.perf_counter()
        self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._since = now


def stages_rough(size: int, folder: Path) -> Work:
    """The whole of `condition_native` on rough ground, with the time of every stage.

    Beyond `route_rough` that is the conditioned surface, the table of depressions and the valleys cut by the edge.
    """
    grid = grid_of(stored(size, "rough", folder))

    def run() -> tuple[Terrain, Stopwatch]:
        watch = Stopwatch()
        terrain = condition_native(grid, progress=watch)
        watch.stop()
        return terrain, watch

    def check(answer: tuple[Terrain, Stopwatch]) -> None:
        require_routed(answer[0], grid.elevation.size)

    return Work(grid.elevation.size, run, check, lambda answer: answer[1].seconds)


def require_routed(terrain: Terrain, cells: int) -> None:
    """Raise `WrongAnswer` unless the outlets drain all cells and every cell stands in the order."""
    leaving = terrain.receiver == -1
    require_all_cells(int(terrain.upstream_cells[leaving].sum(dtype=np.int64)), cells)
    if terrain.order.size != cells:
        raise WrongAnswer(f"{terrain.order.size} cells in the order, {cells} on the ground")


def require_all_cells(drained: float, cells: int, tolerance: float = 0.0) -> None:
    """Raise `WrongAnswer` unless the outlets drain all cells, within a share for sums of single precision."""
    if not abs(drained - cells) <= tolerance * cells:
        raise WrongAnswer(f"the outlets drain {drained:.0f} of {cells} cells")


def route_rough(size: int, folder: Path) -> Work:
    """Rough ground: elevations to directions, areas and order. Others also make a filled surface on the way."""
    return _route(size, "rough", folder)


def route_smooth(size: int, folder: Path) -> Work:
    """Smooth ground: elevations to directions, areas and order. Others also make a filled surface on the way."""
    return _route(size, "smooth", folder)


def height(size: int, folder: Path) -> Work:
    """Height above the channel every cell of smooth ground drains to; the flow paths are given."""
    terrain = condition_native(grid_of(stored(size, "smooth", folder)))
    channel = terrain.upstream_cells > CHANNEL_CELLS

    def check(answer: Any) -> None:
        require_heights(answer[0], channel)

    return Work(channel.size, lambda: height_above_drainage(terrain, channel), check)


def require_heights(above: Any, channel: Any) -> None:
    """Raise `WrongAnswer` unless channels lie at height 0 and nothing below; cells that drain nowhere hold nan."""
    above = np.ravel(above)
    known = np.isfinite(above)
    if not known.any():
        raise WrongAnswer("no cell has a height")
    if not np.all(np.abs(above[np.ravel(channel)]) < 1e-3):
        raise WrongAnswer("a channel cell lies above or below itself")
    if float(above[known].min()) < -1e-3:
        raise WrongAnswer(f"a cell lies {-float(above[known].min()):g} m below the channel it drains to")


def _square(size: int) -> int:
    return size * size


def _peer(name: str, home: str, package: str, bytes_per_item: float, most_items: float = float("inf")) -> Entrant:
    return Entrant(name, f"{_PEERS}.{home}", package, bytes_per_item, most_items)


def _routers(kind: str) -> tuple[Entrant, ...]:
    # bytes per cell as measured on this kind of input; they only keep a run from exhausting the machine
    return (
        Entrant(OURS, f"sim.benchmarking.tasks.terrain:route_{kind}", OURS, 60.0),
        _peer("richdem fill", f"richdem_peer:fill_{kind}", "py-richdem", 80.0),
        _peer("richdem breach", f"richdem_peer:breach_{kind}", "py-richdem", 80.0),
        _peer("pyflwdir", f"pyflwdir_peer:route_{kind}", "pyflwdir", 50.0),
        _peer("whitebox fill", f"whitebox_peer:fill_{kind}", "whitebox-workflows", 100.0),
        _peer("whitebox breach", f"whitebox_peer:breach_{kind}", "whitebox-workflows", 100.0),
        _peer("fastscapelib flood", f"fastscapelib_peer:flood_{kind}", "fastscapelib", 270.0),
        _peer("fastscapelib forest", f"fastscapelib_peer:forest_{kind}", "fastscapelib", 270.0),
        _peer("topotoolbox", f"topotoolbox_peer:route_{kind}", "topotoolbox", 60.0),
    )


_MOVED = "elevation 4 read; direction 1, cells upstream 4, order 4 written"
_MOVED_ALL = "elevation 4 read; conditioned 4, direction 1, cells upstream 4, order 4 written"


def _routing(kind: str) -> Task:
    sentence = (
        f"elevations to flow directions, cells upstream and (ours) a processing order, {kind} ground; "
        "most others also make a filled surface on the way, ours does not here"
    )
    return Task(f"terrain route {kind}", sentence, "cell", 13.0, _MOVED, 64, _square, _routers(kind))


TASKS = (
    _routing("rough"),
    _routing("smooth"),
    Task(
        "terrain stages",
        "whole conditioning of rough ground with surface, depressions and edges, and the time of every stage",
        "cell",
        17.0,
        _MOVED_ALL,
        64,
        _square,
        (Entrant(OURS, "sim.benchmarking.tasks.terrain:stages_rough", OURS, 60.0),),
        _STAGE_BYTES,
    ),
    Task(
        "terrain height",
        "height of every cell above the channel it drains to; flow paths given, smooth ground",
        "cell",
        29.0,
        "conditioned 4, direction 1, order 4 read; height 4, channel cell 8, distance 8 written",
        64,
        _square,
        (
            Entrant(OURS, "sim.benchmarking.tasks.terrain:height", OURS, 80.0),
            _peer("pyflwdir", "pyflwdir_peer:height", "pyflwdir", 80.0, 1e7),
            _peer("whitebox", "whitebox_peer:height", "whitebox-workflows", 120.0),
        ),
    ),
)
