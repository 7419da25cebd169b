"""The WhiteboxTools program through its front end, with a stub in its place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.errors import DataError
from sim.io.plain import read_raster, write_raster
from sim.terrain import condition_native
from sim.terrain.whitebox import condition_whitebox, run_whitebox
from sim.testing.terrain import bowl

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stub is a script with a #! line")

STUB = """#!{python}
import os, pathlib, shutil, signal, sys
here = pathlib.Path(__file__).resolve().parent
tool = next(a for a in sys.argv if a.startswith("--run=")).split("=")[1].strip('"')
with (here / "calls.txt").open("a") as log:
    log.write(" ".join([tool, *sys.argv[2:]]) + "\\n")
mode, _, at = (here / "mode.txt").read_text().partition(" ")
output = pathlib.Path(next(a for a in sys.argv if a.startswith("--output=")).split("=", 1)[1])
if tool == at and mode == "fail":
    print("thread 'main' has no such file")
    sys.exit(1)
if tool == at and mode == "crash":
    os.kill(os.getpid(), signal.SIGSEGV)
if tool == at and mode == "silent":
    sys.exit(0)
names = {{"FillDepressions": "conditioned", "BreachDepressionsLeastCost": "conditioned", "D8Pointer": "pointer",
         "D8FlowAccumulation": "accumulation"}}
print("progress: 100%")
shutil.copy(here / f"{{names[tool]}}.tif", output)
"""

CODES = {(-1, 1): 1, (0, 1): 2, (1, 1): 4, (1, 0): 8, (1, -1): 16, (0, -1): 32, (-1, -1): 64, (-1, 0): 128}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A stub that copies what the native engine gave, so that its answer is known."""
    folder = tmp_path / "Whitebox Tools"
    folder.mkdir()
    native = condition_native(bowl(9), conditioning="fill")
    pointer = np.zeros(81, dtype=np.int16)
    for cell in np.flatnonzero(native.receiver >= 0):
        (row, column), (to_row, to_column) = divmod(int(cell), 9), divmod(int(native.receiver[cell]), 9)
        pointer[cell] = CODES[to_row - row, to_column - column]
    write_raster(folder / "conditioned.tif", native.conditioned, native.grid)
    write_raster(folder / "pointer.tif", pointer.reshape(9, 9), native.grid)
    write_raster(folder / "accumulation.tif", native.upstream_cells.reshape(9, 9).astype(np.float32), native.grid)
    (folder / "mode.txt").write_text("succeed -")
    path = folder / "whitebox_tools"
    path.write_text(STUB.format(python=sys.executable))
    path.chmod(0o755)
    return path


def run(program: Path, **options: Any) -> Any:
    return condition_whitebox(bowl(9), write_grid=write_raster, read_grid=read_raster, program=program, **options)


@pytest.mark.parametrize("folder", [False, True])
def test_success(program: Path, folder: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing may be downloaded even where the network is there: a proxy that refuses stands in the way.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    terrain = run(program.parent if folder else program, conditioning="fill")
    native = condition_native(bowl(9), conditioning="fill")
    np.testing.assert_array_equal(terrain.receiver, native.receiver)
    np.testing.assert_array_equal(terrain.upstream_cells, native.upstream_cells)
    assert terrain.engine.startswith("whitebox (WhiteboxTools program ")
    calls = (program.parent / "calls.txt").read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["FillDepressions", "D8Pointer"]
    for call in calls:
        for part in call.split(" --")[1:]:
            if part.endswith(".tif"):
                assert Path(part.split("=")[1]).is_absolute()


def test_accumulation_only_where_asked(program: Path) -> None:
    grid = bowl(9)
    rasters = run_whitebox(
        grid,
        grid.elevation,
        np.zeros(81, dtype=bool),
        conditioning="fill",
        write_grid=write_raster,
        read_grid=read_raster,
        program=program,
        stream_cells=1,
    )
    native = condition_native(grid, conditioning="fill")
    np.testing.assert_array_equal(rasters.accumulation, native.upstream_cells.reshape(9, 9))
    assert rasters.height is None


def test_carve_breaches(program: Path) -> None:
    run(program, conditioning="carve")
    first = (program.parent / "calls.txt").read_text().splitlines()[0]
    assert first.startswith("BreachDepressionsLeastCost")
    assert "--min_dist" in first


@pytest.mark.parametrize(
    ("tool", "step"),
    [
        ("FillDepressions", "fill_depressions"),
        ("D8Pointer", "d8_pointer"),
    ],
)
def test_return_code_1(program: Path, tool: str, step: str) -> None:
    (program.parent / "mode.txt").write_text(f"fail {tool}")
    with pytest.raises(DataError) as caught:
        run(program, conditioning="fill")
    text = str(caught.value)
    assert text.startswith(
        f"LS-312 terrain.engine = whitebox. The engine failed: {step} ended with code 1, no output file: "
    )
    assert "thread 'main' has no such file" in text


def test_crash(program: Path) -> None:
    (program.parent / "mode.txt").write_text("crash D8Pointer")
    with pytest.raises(DataError) as caught:
        run(program, conditioning="fill")
    assert "d8_pointer ended with code -11, no output file" in str(caught.value)
    assert caught.value.number == 312


def test_silence_is_no_success(program: Path) -> None:
    (program.parent / "mode.txt").write_text("silent FillDepressions")
    with pytest.raises(DataError) as caught:
        run(program, conditioning="fill")
    assert "fill_depressions ended with code 0, no output file" in str(caught.value)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        run(tmp_path / "whitebox_tools")
    assert str(caught.value) == (
        f"LS-313 terrain.whitebox_program = '{tmp_path / 'whitebox_tools'}'. The WhiteboxTools program does not exist. "
        "Give the path of whitebox_tools, or remove the setting to use whitebox-workflows. See docs/errors.md#ls-313."
    )


def test_not_executable(program: Path) -> None:
    program.chmod(0o644)
    with pytest.raises(DataError) as caught:
        run(program)
    assert "The WhiteboxTools program cannot be executed" in str(caught.value)


def test_not_a_program(program: Path) -> None:
    program.write_bytes(b"\\x00\\x01 nothing that runs")
    with pytest.raises(DataError) as caught:
        run(program)
    assert caught.value.number == 312
    assert "breach_depressions_least_cost ended with code 1" in str(caught.value)
