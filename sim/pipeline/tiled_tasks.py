"""What is done for one tile at each step: arrays are read, a pure function of `sim.terrain` is called, arrays kept.

Tasks run in any process that sees the files. What they write appears whole or not at all and is the same every time,
so a task that was lost with its worker is simply done again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from sim.arrays import BoolArray, FloatArray, IntArray
from sim.errors import LeachSimError
from sim.io.tile_store import Elevations, Scratch, Writer
from sim.terrain import tile_basins, tile_flats, tile_flow, tile_lakes
from sim.terrain._kernels_tiles import CLOSED
from sim.terrain.objects import INVALID_CODE
from sim.terrain.rules import Rules
from sim.terrain.tile_graph import Segments
from sim.terrain.tiles import Array, Tile


@dataclass(frozen=True)
class Place:
    """What every task needs: the elevations and where arrays are kept."""

    source: Elevations
    scratch: Scratch


@dataclass(frozen=True)
class Failed:
    """An error as plain parts, so that it can travel between processes."""

    kind: type[LeachSimError]
    number: int
    where: str
    got: str
    expected: str
    remedy: str

    def error(self) -> LeachSimError:
        """Return the error itself."""
        return self.kind(self.number, self.where, got=self.got, expected=self.expected, remedy=self.remedy)


@dataclass(frozen=True)
class Job:
    """One task: the function of this file and what it is called with."""

    task: str
    place: Place
    tile: Tile
    more: tuple[Any, ...] = ()

    def run(self) -> Any:
        """Return what the task gives, or `Failed`."""
        try:
            return TASKS[self.task](self.place, self.tile, *self.more)
        except LeachSimError as error:
            return Failed(type(error), error.number, error.where, error.got, error.expected, error.remedy)


def run_job(job: Job) -> Any:
    """Run a job; a function of a module, so that workers can find it by name."""
    return job.run()


def _keep(place: Place, step: str, tile: Tile, record: Any, *left_out: str) -> None:
    parts = {f.name: getattr(record, f.name) for f in fields(record) if f.name not in left_out}
    place.scratch.save(f"{step}-{tile.number}", **parts)


def _keep_ground(place: Place, tile: Tile, elevation: Array, valid: BoolArray | None) -> None:
    """Keep the elevations of the window: to decode the raster again takes longer than all else a step does."""
    wide, near = tile.window(2), tile.window()
    cut = slice(near[0] - wide[0], near[1] - wide[0]), slice(near[2] - wide[2], near[3] - wide[2])
    flags = np.zeros((0, 0), dtype=np.bool_) if valid is None else valid[cut]
    place.scratch.save(f"ground-{tile.number}", elevation=elevation[cut], valid=flags)


def _ground(place: Place, tile: Tile) -> tuple[Array, BoolArray | None]:
    """Elevations of the window and where they are valid; None when all are."""
    parts = place.scratch.load(f"ground-{tile.number}")
    return parts["elevation"], parts["valid"] if parts["valid"].size else None


def _directions(place: Place, tile: Tile) -> tile_flats.Directions:
    parts = place.scratch.load(f"directions-{tile.number}")
    flats = tile_flats.Flats(**place.scratch.load(f"flats-{tile.number}"))
    return tile_flats.Directions(**parts, flats=flats)


def _basins(place: Place, tile: Tile, *, label: bool) -> tile_basins.Basins:
    wanted = [f.name for f in fields(tile_basins.Basins) if label or f.name != "label"]
    parts = place.scratch.load(f"basins-{tile.number}", *wanted)
    return tile_basins.Basins(**{"label": np.zeros(0, dtype=np.uint32), **parts})


def directions(place: Place, tile: Tile, kept: IntArray) -> tuple[tile_flats.Flats, bool]:
    """Step 1; also whether any cell is valid."""
    elevation, valid = place.source.read(tile.window(2))
    found = tile_flats.find_directions(tile, elevation, valid, *place.source.cell_size, kept)
    _keep_ground(place, tile, elevation, valid)
    _keep(place, "directions", tile, found, "flats")
    _keep(place, "flats", tile, found.flats)
    return found.flats, bool((found.code[tile.inner] & 15 != INVALID_CODE).any())


def open_round(place: Place, tile: Tile, rim_distance: IntArray) -> IntArray:
    """One round of step 2 for flats with a way out."""
    parts = place.scratch.load(f"directions-{tile.number}", "link", "source")
    flats = tile_flats.Flats(**place.scratch.load(f"flats-{tile.number}"))
    ones = np.ones(parts["source"].size, dtype=np.int64)
    return tile_flats.border_distances(tile, parts["link"], parts["source"], ones, flats, rim_distance)


def basins(place: Place, tile: Tile, rim_distance: IntArray) -> tile_basins.Border:
    """Step 3."""
    elevation, valid = _ground(place, tile)
    found = _directions(place, tile)
    code, valid_rim = tile_flats.drained_codes(tile, found, elevation, rim_distance)
    own, border = tile_basins.find_basins(tile, elevation, valid, code, valid_rim)
    _keep(place, "basins", tile, own)
    return border


def lakes(place: Place, tile: Tile, level: FloatArray, lake: IntArray, segments: Segments) -> tile_lakes.Share:
    """Step 5, the share of a tile."""
    own = _basins(place, tile, label=False)
    share = tile_lakes.partial_lakes(tile, own, level, lake, segments)
    if (own.code & CLOSED).any():
        place.scratch.save(f"closed-{tile.number}", link=tile_flow.closed_links(_directions(place, tile), own))
    return share


def closed_round(place: Place, tile: Tile, starts: IntArray, rim_distance: IntArray) -> IntArray:
    """One round of step 2 for flats that drain to where they spill."""
    link = place.scratch.load(f"closed-{tile.number}")["link"]
    flats = tile_flats.Flats(**place.scratch.load(f"flats-{tile.number}"))
    seeds = tile.to_window(starts)
    return tile_flats.border_distances(tile, link, seeds, np.zeros_like(seeds), flats, rim_distance)


def flow(
    place: Place,
    tile: Tile,
    nodes: tuple[FloatArray, Array, FloatArray],
    segments: Segments,
    starts: IntArray,
    rim_distance: IntArray,
    rules: Rules,
) -> tuple[tile_flow.Flow, tuple[int, int, int]]:
    """Step 6; also how many depressions that only this tile knows got each decision."""
    elevation, _ = _ground(place, tile)
    own = _basins(place, tile, label=True)
    code = tile_flow.final_directions(tile, elevation, _directions(place, tile), own, segments, starts, rim_distance)
    level, filled, floor = nodes
    height = tile_lakes.floors(tile, own, level, filled, floor, rules)
    surface = tile_flow.raised(elevation, own, height.floor)
    place.scratch.save(f"final-{tile.number}", code=code, surface=surface)
    return tile_flow.flow(tile, code, surface), height.decided


@dataclass(frozen=True)
class TileNumbers:
    """Counts of one tile."""

    valid_cells: int
    raised_cells: int
    lowered_cells: int
    highest_raise: float
    deepest_cut: float
    outlets: tuple[int, int, int]
    largest_upstream: int


def finish(place: Place, tile: Tile, inflow: tile_flow.Inflow, writer: Writer) -> TileNumbers:
    """Step 8."""
    parts = place.scratch.load(f"final-{tile.number}")
    found = tile_flow.finish(tile, parts["code"], parts["surface"], inflow)
    writer.write(tile, found)
    elevation, valid = _ground(place, tile)
    change = np.asarray(found.conditioned, dtype=np.float64) - elevation[tile.inner]
    if valid is not None:
        valid = valid[tile.inner]
        change[~valid] = 0.0
    kinds = np.bincount(found.direction.ravel(), minlength=16)
    return TileNumbers(
        valid_cells=change.size if valid is None else int(np.count_nonzero(valid)),
        raised_cells=int(np.count_nonzero(change > 0.0)),
        lowered_cells=int(np.count_nonzero(change < 0.0)),
        highest_raise=float(change.max(initial=0.0)),
        deepest_cut=float(-change.min(initial=0.0)),
        outlets=(int(kinds[8]), int(kinds[9]), int(kinds[10])),
        largest_upstream=int(found.upstream_cells.max(initial=0)),
    )


#: name of a task -> the function
TASKS: dict[str, Callable[..., Any]] = {
    "directions": directions,
    "open": open_round,
    "basins": basins,
    "lakes": lakes,
    "closed": closed_round,
    "flow": flow,
    "finish": finish,
}
