"""The Whitebox terrain engine: Whitebox conditions and points, LeachSim completes the terrain.

The engine runs in a process of its own and exchanges GeoTIFFs in a temporary folder, so that a crash becomes an error.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from sim.arrays import BoolArray, ByteArray, Float32Array, FloatArray, IntArray
from sim.errors import DataError
from sim.terrain.basins import Drainage, drain
from sim.terrain.completion import breach, has_gaps, join_sinks
from sim.terrain.native import burn, natural_outlets, terrain_from_receivers
from sim.terrain.objects import KEPT_SINK, NOT_OUTLET, Grid, Terrain, receivers_of
from sim.terrain.rules import Rules

#: path, values (ny, nx), grid, nodata
WriteGrid = Callable[[Path, Any, Grid, float], None]
#: path -> values (ny, nx)
ReadGrid = Callable[[Path], Any]

NODATA = -32768.0
_MISSING = 3
_WHERE = "terrain.engine = whitebox"
#: pointer code -> row step, column step
_POINTER = {1: (-1, 1), 2: (0, 1), 4: (1, 1), 8: (1, 0), 16: (1, -1), 32: (0, -1), 64: (-1, -1), 128: (-1, 0)}
#: Longest breach the least-cost search tries, cells; deeper basins are filled.
_MAX_DISTANCE = 100
#: Height above the exact fill level that graded flats can explain, m, and that they cannot.
_LEVEL_TOLERANCE, _TOO_HIGH = 0.01, 5.0
_SECONDS_FIXED, _SECONDS_PER_CELL = 300.0, 5e-5
#: The worker leads a process group of its own, so that it can be ended with the program it runs.
_OWN_GROUP: dict[str, Any] = {"start_new_session": True}
if sys.platform == "win32":
    _OWN_GROUP = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}


class WhiteboxRasters(NamedTuple):
    """What the engine gave, (ny, nx); values of invalid cells mean nothing.

    conditioned : float64, m; pointer : int16 code; accumulation : cells, and height : m above the stream below, None
    unless asked for
    """

    conditioned: FloatArray
    pointer: IntArray
    accumulation: FloatArray | None = None
    height: FloatArray | None = None


def condition_whitebox(
    grid: Grid,
    *,
    conditioning: str = "carve",
    kept_sinks: IntArray | None = None,
    burned: BoolArray | None = None,
    burn_depth: float = 0.0,
    write_grid: WriteGrid,
    read_grid: ReadGrid,
    program: Path | None = None,
    timeout: float | None = None,
) -> Terrain:
    """Remove depressions and find flow paths with Whitebox.

    Parameters
    ----------
    grid : Grid
    conditioning : "carve" for least-cost breaching, "fill" for depression filling
    kept_sinks : (s,) int64, flat cells that stay outlets
    burned : (ncell,) bool, cells lowered by `burn_depth` m beforehand
    write_grid, read_grid : write and read a GeoTIFF
    program : the WhiteboxTools program or its folder; default is the whitebox-workflows package
    timeout : s; default grows with the number of cells

    Returns
    -------
    Terrain
        `method` tells how many cells the engine left undrained or could not fill rightly; the native engine
        drains those.

    Raises
    ------
    DataError
        LS-312 when the engine fails, crashes, hangs or leaves files out; LS-313 when it is not there.

    References
    ----------
    Lindsay and Dhun 2015, doi 10.1080/13658816.2014.975715.
    """
    if conditioning not in ("carve", "fill"):
        raise ValueError(f"conditioning must be carve or fill, got {conditioning!r}")
    kept = np.zeros(grid.elevation.size, dtype=np.bool_)
    if kept_sinks is not None:
        kept[np.asarray(kept_sinks, dtype=np.int64)] = True
    surface = burn(grid, burned, burn_depth)
    rasters = run_whitebox(
        grid,
        surface,
        kept,
        conditioning=conditioning,
        write_grid=write_grid,
        read_grid=read_grid,
        program=program,
        timeout=timeout,
    )
    conditioned = np.where(grid.valid, rasters.conditioned, 0.0).astype(np.float32)
    conditioned.ravel()[kept] = surface.ravel()[kept]
    receiver = receivers_from_pointer(rasters.pointer, grid.valid & ~kept.reshape(grid.shape))
    join_sinks(grid, conditioned, np.flatnonzero(kept), receiver)
    kind = natural_outlets(grid)
    kind[kept] = KEPT_SINK
    lowered = _lower_to_fill(grid, surface, conditioned, kind, receiver)
    left = _drain(grid, conditioned, kind, receiver)
    method = "least-cost breaching" if conditioning == "carve" else "depression filling"
    if burned is not None and burn_depth > 0.0:
        method += f", river lines lowered by {burn_depth:g} m first"
    method += "; D8 pointer by steepest slope of Whitebox"
    if lowered:
        method += f"; {lowered} cells around gaps and kept sinks are filled and drained by the native engine"
    method += f"; {left} cells it left undrained follow native paths" if left else "; it left no cell undrained"
    return terrain_from_receivers(grid, conditioned, receiver, np.flatnonzero(kept), engine_name(program), method)


def engine_name(program: Path | None) -> str:
    """Name and version of the engine."""
    if program is not None:
        return f"whitebox (WhiteboxTools program {Path(program).name})"
    try:
        return f"whitebox (whitebox-workflows {metadata.version('whitebox-workflows')})"
    except metadata.PackageNotFoundError:
        return "whitebox (whitebox-workflows)"


def run_whitebox(
    grid: Grid,
    surface: Float32Array,
    kept: BoolArray,
    *,
    conditioning: str,
    write_grid: WriteGrid,
    read_grid: ReadGrid,
    program: Path | None = None,
    timeout: float | None = None,
    stream_cells: int = 0,
) -> WhiteboxRasters:
    """Run the engine on `surface` (ny, nx) m; cells of `kept` (ncell) are holes to it.

    `stream_cells` > 0 also asks for what the model computes itself, to check one by the other: the accumulation and
    (not with a program) the height above streams of at least that many cells. Errors as `condition_whitebox`.
    """
    executable = None if program is None else _executable(Path(program))
    hole = ~grid.valid | kept.reshape(grid.shape)
    with tempfile.TemporaryDirectory(prefix="leachsim-whitebox-") as name:
        folder = Path(name).resolve()
        write_grid(folder / "dem.tif", np.where(hole, np.float32(NODATA), surface), grid, NODATA)
        job = {
            "folder": str(folder),
            "dem": str(folder / "dem.tif"),
            "conditioning": conditioning,
            "max_distance": _MAX_DISTANCE,
            "stream_cells": stream_cells,
            "program": "" if executable is None else str(executable),
        }
        _run_worker(job, folder, timeout or _SECONDS_FIXED + _SECONDS_PER_CELL * grid.elevation.size)
        wanted = ["conditioned", "pointer"]
        if stream_cells:
            wanted += ["accumulation"] if executable else ["accumulation", "height"]
        found = {part: _read(folder / f"{part}.tif", read_grid, grid) for part in wanted}
    return WhiteboxRasters(
        found["conditioned"].astype(np.float64),
        found["pointer"].astype(np.int64),
        found["accumulation"].astype(np.float64) if "accumulation" in found else None,
        found["height"].astype(np.float64) if "height" in found else None,
    )


def _executable(program: Path) -> Path:
    path = program
    if path.is_dir():
        path = path / ("whitebox_tools.exe" if os.name == "nt" else "whitebox_tools")
    if not path.is_file() or not os.access(path, os.X_OK):
        state = "cannot be executed" if path.exists() else "does not exist"
        raise DataError(
            313,
            "terrain.whitebox_program",
            got=repr(str(program)),
            expected=f"The WhiteboxTools program {state}",
            remedy="Give the path of whitebox_tools, or remove the setting to use whitebox-workflows",
        )
    return path.resolve()


def _run_worker(job: dict[str, Any], folder: Path, timeout: float) -> None:
    worker = Path(__file__).with_name("_whitebox_worker.py")
    # -P keeps the worker's own folder, which has modules of other names, off its import path.
    command = [sys.executable, "-P", str(worker), json.dumps(job)]
    try:
        code, said = _run_whole(command, folder, timeout)
    except subprocess.TimeoutExpired as error:
        raise _failed(f"The engine was stopped after {timeout:.0f} s") from error
    except OSError as error:
        raise _failed(f"The engine cannot be started: {error.strerror or error}") from error
    if code == 0:
        return
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    tail = " | ".join(lines[-3:])[-600:].rstrip(".")
    if code == _MISSING:
        raise DataError(
            313,
            _WHERE,
            expected=f"The engine is not there: {tail}",
            remedy="Install whitebox-workflows, or set engine = native",
        )
    if code < 0:
        raise _failed(f"The engine crashed ({_signal_name(-code)}){': ' + tail if tail else ''}")
    raise _failed(f"The engine failed: {tail}" if tail else f"The engine failed with code {code}")


def _run_whole(command: list[str], folder: Path, timeout: float) -> tuple[int, str]:
    """Exit code and standard error of a command; whatever stops it, the programs it started end with it."""
    quiet, kept = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(
        command, cwd=folder, stdout=quiet, stderr=kept, text=True, errors="replace", **_OWN_GROUP
    ) as process:
        try:
            _, said = process.communicate(timeout=timeout)
        except BaseException:
            _end_group(process)
            raise
        if process.returncode != 0:
            _end_group(process)
    return process.returncode, said


def _end_group(process: subprocess.Popen[str]) -> None:
    """Kill the worker and, where the system has process groups that outlive their leader, all it started."""
    if sys.platform == "win32":
        process.terminate()
        return
    # The group is gone when nothing of it runs any more.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _failed(what: str) -> DataError:
    return DataError(312, _WHERE, expected=what, remedy="Set engine = native, which needs no other program")


def _read(path: Path, read_grid: ReadGrid, grid: Grid) -> Any:
    if not path.is_file():
        raise _failed(f"The engine did not write {path.name}")
    try:
        values = np.asarray(read_grid(path))
    except DataError as error:
        raise _failed(f"{path.name} of the engine cannot be read") from error
    if values.shape != grid.shape:
        raise _failed(f"{path.name} of the engine has {values.shape} cells, expected {grid.shape}")
    return values


def receivers_from_pointer(pointer: IntArray, valid: BoolArray) -> IntArray:
    """(ncell,) flat receivers of a Whitebox D8 pointer (ny, nx); -1 for code 0, invalid cells and invalid targets.

    Examples
    --------
    >>> receivers_from_pointer(np.array([[2, 0]]), np.ones((1, 2), dtype=bool)).tolist()
    [1, -1]
    """
    rows, columns = valid.shape
    receiver = np.full(valid.size, -1, dtype=np.int64)
    for code, (row_step, column_step) in _POINTER.items():
        row, column = np.nonzero((pointer == code) & valid)
        to_row, to_column = row + row_step, column + column_step
        inside = (to_row >= 0) & (to_row < rows) & (to_column >= 0) & (to_column < columns)
        row, column, to_row, to_column = row[inside], column[inside], to_row[inside], to_column[inside]
        good = valid[to_row, to_column]
        receiver[(row * columns + column)[good]] = (to_row * columns + to_column)[good]
    return receiver


def _drain(grid: Grid, conditioned: Float32Array, kind: ByteArray, receiver: IntArray) -> int:
    """Lead cells that end inside the terrain along native flow paths to a cell that drains; returns their number.

    No loop can form: changed cells lie in basins that end inside, follow native paths, which have no loop, and stop at
    the first cell whose path was complete before, which is never changed.
    """
    valid = grid.valid.ravel()
    undrained = np.flatnonzero(valid & (receiver == -1) & (kind == NOT_OUTLET))
    if not undrained.size:
        return 0
    complete = valid & (kind[_ends(receiver)] != NOT_OUTLET)
    native = receivers_of(_native(grid, conditioned, kind).direction, grid.shape[1])
    active = undrained
    while active.size:
        receiver[active] = native[active]
        active = np.unique(native[active])
        active = active[(active >= 0) & ~complete[active]]
        complete[active] = True
    breach(conditioned.ravel(), receiver)
    return int(undrained.size)


def _lower_to_fill(
    grid: Grid, surface: Float32Array, conditioned: Float32Array, kind: ByteArray, receiver: IntArray
) -> int:
    """Bring cells the engine raised above the outlets of their depression back, and drain them by the native rule.

    Fill tools of Whitebox let no water out into gaps inside the terrain, where this model does, so around gaps and
    kept sinks this is expected. Anywhere else it is a fault of the engine and refused. Returns the number of cells.

    No loop can form: along every flow path the level (fill level where lowered, else the engine's) falls strictly on
    the engine's cells, by more than the tolerance from these to lowered ones, and among lowered cells of one level
    follows native paths.
    """
    filled = _native(grid, surface, kind)
    assert filled.conditioned is not None
    level = filled.conditioned.ravel()
    flat = conditioned.ravel()
    above = grid.valid.ravel() & (flat - level > _LEVEL_TOLERANCE)
    worst = int(np.argmax(np.where(above, flat - level, np.float32(0.0))))
    if not above.any():
        return 0
    if not (np.any(kind == KEPT_SINK) or has_gaps(grid)):
        excess = float(flat[worst] - level[worst])
        if excess <= _TOO_HIGH:
            return 0
        row, column = divmod(worst, grid.shape[1])
        raise _failed(f"The engine raised row {row}, column {column} {excess:.0f} m above the outlet of its depression")
    flat[above] = level[above]
    native = receivers_of(filled.direction, grid.shape[1])
    receiver[above] = native[above]
    # Cells beside may have a lower neighbour now: a rim that was an outlet falls into its bowl.
    beside = ndimage.binary_dilation(above.reshape(grid.shape), structure=np.ones((3, 3))).ravel() & ~above
    native = receivers_of(_native(grid, conditioned, kind).direction, grid.shape[1])
    falls = beside & (native >= 0)
    falls[falls] = flat[native[falls]] < flat[falls] - _LEVEL_TOLERANCE
    receiver[falls] = native[falls]
    return int(np.count_nonzero(above))


def _native(grid: Grid, surface: Float32Array, kind: ByteArray) -> Drainage:
    return drain(
        surface,
        grid.valid,
        cell_width=grid.cell_width,
        cell_height=grid.cell_height,
        rules=Rules.of("fill"),
        kept_sinks=np.flatnonzero(kind == KEPT_SINK),
        measure=False,
    )


def _ends(receiver: IntArray) -> IntArray:
    """(ncell,) last cell of every flow path, by pointer doubling."""
    end = np.where(receiver >= 0, receiver, np.arange(receiver.size))
    for _ in range(64):
        further = end[end]
        if np.array_equal(further, end):
            break
        end = further
    if not np.any(receiver[end] >= 0):
        return end
    raise _failed("The engine's flow paths run in a loop")
