"""The Whitebox engine: the same contract as the native engine, and crashes that become errors."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.errors import DataError
from sim.io.plain import read_raster, write_raster
from sim.terrain import Terrain, condition_native, filled_surface, height_above_drainage
from sim.terrain import whitebox as engine
from sim.terrain.objects import KEPT_SINK, Grid
from sim.terrain.whitebox import WhiteboxRasters, condition_whitebox, receivers_from_pointer, run_whitebox
from sim.testing.terrain import bowl, cone, grid_of, plane, rough, valley

CODES = {1: (-1, 1), 2: (0, 1), 4: (1, 1), 8: (1, 0), 16: (1, -1), 32: (0, -1), 64: (-1, -1), 128: (-1, 0)}


def whitebox(grid: Grid, **options: Any) -> Terrain:
    return condition_whitebox(grid, write_grid=write_raster, read_grid=read_raster, **options)


def check_contract(terrain: Terrain) -> None:
    """Every valid cell drains, water adds up, no path rises."""
    grid = terrain.grid
    outlets = grid.valid.ravel() & (terrain.receiver == -1)
    assert terrain.upstream_cells[outlets].sum() == grid.valid.sum()
    assert (terrain.outlet_kind[outlets] != 0).all()
    level, inner = terrain.conditioned.ravel(), terrain.receiver >= 0
    assert (level[terrain.receiver[inner]] <= level[inner]).all()
    assert terrain.engine.startswith("whitebox (whitebox-workflows 2.")


@pytest.mark.parametrize("conditioning", ["carve", "fill"])
@pytest.mark.parametrize(
    "make", [lambda: cone(31), lambda: valley(40, 9), lambda: plane((30, 40), fall_south=2.0, fall_east=0.5)]
)
def test_agrees_with_native_where_nothing_is_to_decide(make: Callable[[], Grid], conditioning: str) -> None:
    """Without pits, flats or ties of slope both engines give every cell the same receiver."""
    grid = make()
    ours, theirs = condition_native(grid, conditioning=conditioning), whitebox(grid, conditioning=conditioning)
    check_contract(theirs)
    np.testing.assert_array_equal(theirs.conditioned, ours.conditioned)
    differ = np.flatnonzero(theirs.receiver != ours.receiver)
    row, column = np.divmod(differ, grid.shape[1])
    # What differs are exact ties of slope, which each engine breaks in its own order.
    z = grid.elevation.astype(np.float64)

    def fall(receiver: Any) -> Any:
        to_row, to_column = np.divmod(receiver, grid.shape[1])
        return (z[row, column] - z[to_row, to_column]) / np.hypot(to_row - row, to_column - column)

    np.testing.assert_allclose(fall(theirs.receiver[differ]), fall(ours.receiver[differ]), rtol=1e-5)


@pytest.mark.parametrize("conditioning", ["carve", "fill"])
@pytest.mark.parametrize("seed", range(6))
def test_rough_ground_with_holes(conditioning: str, seed: int) -> None:
    grid = rough(np.random.default_rng(seed), (40, 50), hole_share=0.03)
    terrain = whitebox(grid, conditioning=conditioning)
    check_contract(terrain)
    assert (terrain.lowered_cells > 0) == (conditioning == "carve")
    # Neither engine may raise ground above the outlets of its depressions.
    assert (terrain.conditioned - filled_surface(grid))[grid.valid].max() < 1e-3
    if conditioning == "fill":
        np.testing.assert_allclose(terrain.conditioned[grid.valid], filled_surface(grid)[grid.valid], atol=1e-3)


def test_whole_numbers_full_of_flats() -> None:
    grid = rough(np.random.default_rng(3), (40, 40), levels=4)
    for conditioning in ("carve", "fill"):
        check_contract(whitebox(grid, conditioning=conditioning))


@pytest.mark.parametrize("conditioning", ["carve", "fill"])
def test_accumulation_of_the_engine_is_ours(conditioning: str) -> None:
    grid = rough(np.random.default_rng(4), (60, 50))
    terrain = whitebox(grid, conditioning=conditioning)
    rasters = run_whitebox(
        grid,
        grid.elevation,
        np.zeros(grid.elevation.size, dtype=bool),
        conditioning=conditioning,
        write_grid=write_raster,
        read_grid=read_raster,
        stream_cells=50,
    )
    assert rasters.accumulation is not None
    if terrain.method.endswith("it left no cell undrained"):
        np.testing.assert_array_equal(rasters.accumulation.ravel(), terrain.upstream_cells)
    else:
        assert (rasters.accumulation.ravel() == terrain.upstream_cells).mean() > 0.95
    assert rasters.height is not None
    channel = terrain.upstream_cells >= 50
    height, _, _ = height_above_drainage(terrain, channel)
    known = np.isfinite(height) & ~channel & (rasters.height.ravel() > engine.NODATA)
    assert known.sum() > 500
    np.testing.assert_allclose(rasters.height.ravel()[known], height[known], atol=2e-3)


@pytest.mark.parametrize("conditioning", ["carve", "fill"])
def test_kept_sink_takes_its_depression(conditioning: str) -> None:
    grid = bowl(21)
    middle = 10 * 21 + 10
    kept = whitebox(grid, kept_sinks=np.array([middle]), conditioning=conditioning)
    check_contract(kept)
    assert kept.outlet_kind[middle] == KEPT_SINK
    assert kept.upstream_cells[middle] == 21 * 21
    np.testing.assert_array_equal(kept.conditioned, grid.elevation)
    drained = whitebox(grid, conditioning=conditioning)
    assert drained.receiver[middle] >= 0


def test_water_leaves_into_gaps_inside_the_terrain() -> None:
    """Whitebox fills a depression around a gap to its rim; here the gap is its outlet, and the method says so."""
    whole = bowl(21)
    valid = whole.valid.copy()
    valid[10, 10] = False
    grid = grid_of(whole.elevation, valid)
    terrain = whitebox(grid, conditioning="fill")
    check_contract(terrain)
    np.testing.assert_array_equal(terrain.conditioned[valid], grid.elevation[valid])
    assert "cells around gaps and kept sinks are filled and drained by the native engine" in terrain.method


def test_burned_line_draws_water() -> None:
    grid = plane((30, 30), fall_south=1.0)
    burned = np.zeros((30, 30), dtype=bool)
    burned[:, 12] = True
    terrain = whitebox(grid, burned=burned.ravel(), burn_depth=5.0)
    check_contract(terrain)
    assert "river lines lowered by 5 m first" in terrain.method
    assert terrain.upstream_cells.reshape(30, 30)[29, 12] > 60
    np.testing.assert_allclose((grid.elevation - terrain.conditioned)[:, 12], 5.0, atol=1e-4)


def pointer_of(receiver: Any, shape: tuple[int, int]) -> Any:
    """Whitebox codes of receivers, 0 where there is none."""
    cells = np.flatnonzero(receiver >= 0)
    row, column = np.divmod(cells, shape[1])
    to_row, to_column = np.divmod(receiver[cells], shape[1])
    step = {steps: code for code, steps in CODES.items()}
    pointer = np.zeros(receiver.size, dtype=np.int64)
    pointer[cells] = [step[int(a), int(b)] for a, b in zip(to_row - row, to_column - column, strict=True)]
    return pointer.reshape(shape)


def fake(monkeypatch: pytest.MonkeyPatch, conditioned: Any, pointer: Any) -> None:
    answer = WhiteboxRasters(np.asarray(conditioned, dtype=np.float64), pointer)
    monkeypatch.setattr(engine, "run_whitebox", lambda *args, **options: answer)


def steepest(z: Any) -> Any:
    """Steepest lower neighbour of every cell, -1 in pits and flats: what an engine leaves of unconditioned ground."""
    rows, columns = z.shape
    receiver = np.full(z.size, -1)
    for row in range(rows):
        for column in range(columns):
            best = 0.0
            for a, b in CODES.values():
                r, c = row + a, column + b
                if 0 <= r < rows and 0 <= c < columns and (z[row, column] - z[r, c]) / np.hypot(a, b) > best:
                    best = (z[row, column] - z[r, c]) / np.hypot(a, b)
                    receiver[row * columns + column] = r * columns + c
    return receiver


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("levels", [None, 3])
def test_pits_and_flats_the_engine_leaves_are_drained(
    monkeypatch: pytest.MonkeyPatch, seed: int, levels: int | None
) -> None:
    """An engine that conditions nothing at all still ends in a terrain that drains, and the count is told."""
    grid = rough(np.random.default_rng(seed), (25, 30), levels=levels)
    receiver = steepest(grid.elevation.astype(np.float64))
    fake(monkeypatch, grid.elevation, pointer_of(receiver, grid.shape))
    terrain = whitebox(grid)
    check_contract(terrain)
    inner = np.zeros(grid.shape, dtype=bool)
    inner[1:-1, 1:-1] = True
    left = int(((receiver == -1) & inner.ravel()).sum())
    assert f"{left} cells it left undrained follow native paths" in terrain.method
    # Cells that drained before keep their receivers.
    assert (terrain.receiver == receiver).mean() > 0.3


def test_surface_raised_above_its_outlets_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """whitebox-workflows 2.0.6 fill_depressions raises valleys by hundreds of metres; no such surface may pass."""
    grid = cone(11)
    raised = grid.elevation.copy()
    raised[5, 2] += 40.0
    fake(monkeypatch, raised, pointer_of(condition_native(grid).receiver, grid.shape))
    with pytest.raises(DataError) as caught:
        whitebox(grid)
    assert str(caught.value) == (
        "LS-312 terrain.engine = whitebox. The engine raised row 5, column 2 40 m above the outlet of its depression. "
        "Set engine = native, which needs no other program. See docs/errors.md#ls-312."
    )


def test_pointer_that_runs_in_a_loop_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = plane((5, 5), fall_south=1.0)
    pointer = np.zeros((5, 5), dtype=np.int64)
    pointer[2, 2], pointer[2, 3] = 2, 32
    fake(monkeypatch, grid.elevation, pointer)
    with pytest.raises(DataError) as caught:
        whitebox(grid)
    assert caught.value.number == 312


def test_pointer_codes() -> None:
    for code, (row_step, column_step) in CODES.items():
        pointer = np.zeros((3, 3), dtype=np.int64)
        pointer[1, 1] = code
        receiver = receivers_from_pointer(pointer, np.ones((3, 3), dtype=bool))
        assert receiver[4] == (1 + row_step) * 3 + 1 + column_step
        assert (np.delete(receiver, 4) == -1).all()


def test_pointer_out_of_the_grid_or_into_nodata_is_no_receiver() -> None:
    valid = np.ones((1, 3), dtype=bool)
    valid[0, 1] = False
    assert receivers_from_pointer(np.array([[2, 2, 2]]), valid).tolist() == [-1, -1, -1]


@pytest.mark.parametrize("conditioning", ["carve", "fill"])
def test_repeats(conditioning: str) -> None:
    """Equal pits and flats leave the engine much to choose; it must choose alike each time."""
    grid = rough(np.random.default_rng(5), (50, 50), levels=3)
    one, two = whitebox(grid, conditioning=conditioning), whitebox(grid, conditioning=conditioning)
    np.testing.assert_array_equal(one.receiver, two.receiver)
    np.testing.assert_array_equal(one.conditioned, two.conditioned)


def test_unknown_conditioning() -> None:
    with pytest.raises(ValueError, match="conditioning must be carve or fill"):
        whitebox(cone(5), conditioning="burn")


# -- failures of the process ------------------------------------------------------------------------------------------


def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    """Replace the worker script by one that does what `text` says."""
    script = tmp_path / "_whitebox_worker.py"
    script.write_text(text)
    (tmp_path / "whitebox.py").touch()
    monkeypatch.setattr(engine, "__file__", str(tmp_path / "whitebox.py"))


@pytest.mark.parametrize(
    ("text", "number", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", 312, "The engine crashed (SIGSEGV)"),
        ("import os; os.abort()", 312, "The engine crashed (SIGABRT)"),
        ("raise ValueError('Error unwrapping output')", 312, "ValueError: Error unwrapping output"),
        ("import sys; sys.exit(7)", 312, "The engine failed with code 7"),
        ("pass", 312, "The engine did not write conditioned.tif"),
        ("import time; time.sleep(60)", 312, "The engine was stopped after 1 s"),
        (
            "import sys; sys.stderr.write('whitebox-workflows cannot be imported: gone'); sys.exit(3)",
            313,
            "The engine is not there: whitebox-workflows cannot be imported: gone",
        ),
        (
            "import json, pathlib, sys; d = pathlib.Path(json.loads(sys.argv[1])['folder'])\n"
            "for n in ('conditioned', 'pointer'): (d / f'{n}.tif').write_text('broken')",
            312,
            "conditioned.tif of the engine cannot be read",
        ),
        (
            "import json, pathlib, shutil, sys; d = pathlib.Path(json.loads(sys.argv[1])['folder'])\n"
            "shutil.copy(d / 'dem.tif', d / 'conditioned.tif')",
            312,
            "The engine did not write pointer.tif",
        ),
    ],
)
def test_failing_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, number: int, said: str) -> None:
    worker(monkeypatch, tmp_path, text)
    with pytest.raises(DataError) as caught:
        whitebox(cone(5), timeout=1.0 if "sleep" in text else 60.0)
    assert caught.value.number == number
    assert caught.value.exit_code == 3
    assert said in str(caught.value)
    assert "engine = native" in str(caught.value)


CHILD = """
import subprocess, sys, time
child = '''
import fcntl, sys, time
with open(sys.argv[1], "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    open(sys.argv[1] + ".held", "w").close()
    time.sleep(120)
'''
subprocess.Popen([sys.executable, "-c", child, {lock!r}], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
from pathlib import Path
while not Path({lock!r} + ".held").exists():
    time.sleep(0.01)
{end}
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs process groups and flock")
@pytest.mark.parametrize("why", ["timeout", "interrupt", "error"])
def test_programs_of_the_engine_end_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, why: str) -> None:
    """The worker starts a program that sleeps and holds a lock; the lock is free once the error is raised."""
    import fcntl

    lock = tmp_path / "lock"
    worker(
        monkeypatch, tmp_path, CHILD.format(lock=str(lock), end="sys.exit(7)" if why == "error" else "time.sleep(120)")
    )
    if why == "interrupt":

        def interrupted(process: Any, *args: Any, **options: Any) -> None:
            while not (tmp_path / "lock.held").exists():
                time.sleep(0.01)
            raise KeyboardInterrupt

        monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt if why == "interrupt" else DataError):
        whitebox(cone(5), timeout=8.0 if why == "timeout" else 100.0)
    assert (tmp_path / "lock.held").exists()
    with lock.open() as file:
        for _ in range(200):  # the system takes a moment to bury what was killed
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.05)
        else:
            pytest.fail("the program the worker started still runs")


def test_missing_module_is_told_by_the_worker(tmp_path: Path) -> None:
    """The real worker in an interpreter that has no whitebox_workflows."""
    script = Path(engine.__file__).with_name("_whitebox_worker.py")
    blocked = (
        "import sys, runpy; sys.modules['whitebox_workflows'] = None; sys.modules['whitebox'] = None\n"
        f"sys.argv = ['w', sys.argv[1]]; runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    for program in ("", "/nowhere/whitebox_tools"):
        job = json.dumps(
            {
                "folder": str(tmp_path),
                "dem": "",
                "conditioning": "fill",
                "max_distance": 1,
                "stream_cells": 0,
                "program": program,
            }
        )
        done = subprocess.run([sys.executable, "-c", blocked, job], capture_output=True, text=True, check=False)
        assert done.returncode == 3
        assert "cannot be imported" in done.stderr


def test_temporary_files_are_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    whitebox(grid_of(np.arange(25.0).reshape(5, 5)))
    assert not list(tmp_path.iterdir())
