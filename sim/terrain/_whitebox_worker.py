"""Runs Whitebox in a process of its own, since the engine may panic and take its interpreter down.

Called as a script with one argument, a JSON text; imports nothing of LeachSim. Exit code 0 when the files asked for
are written, 3 when the engine (module or program) is missing, 4 when a tool reports a failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

MISSING, FAILED = 3, 4
#: Fall per cell that the engine gives to flats, m; far below the resolution of any DEM.
FLAT_INCREMENT = 1e-4


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def run_workflows(job: dict[str, Any]) -> int:
    """Condition and point with whitebox-workflows 2.x; accumulate and measure heights where `stream_cells` is set."""
    try:
        import whitebox_workflows
    except ImportError as error:
        _say(f"whitebox-workflows cannot be imported: {error}")
        return MISSING
    folder = Path(job["folder"])
    engine = whitebox_workflows.WbEnvironment()
    dem = engine.read_raster(job["dem"])
    tools = engine.hydrology.depressions_storage
    conditioned = str(folder / "conditioned.tif")
    if job["conditioning"] == "carve":
        # Pits beyond the search distance stay for the caller: fill_deps=True raises valleys hundreds of metres.
        surface = tools.breach_depressions_least_cost(
            dem=dem,
            max_dist=int(job["max_distance"]),
            flat_increment=FLAT_INCREMENT,
            fill_deps=False,
            minimize_dist=True,
            output=conditioned,
        )
    else:
        # Wang and Liu meets the exact fill level. In 2.0.6 fill_depressions does not: it raised valleys of a 450 m DEM
        # of Kachin up to 477 m above the outlet of their depression.
        surface = tools.fill_depressions_wang_and_liu(dem=dem, fix_flats=True, output=conditioned)
    routing = engine.hydrology.flow_routing
    routing.d8_pointer(dem=surface, output=str(folder / "pointer.tif"))
    if job["stream_cells"]:
        # From the surface, not from the pointer: given an int16 pointer, 2.0.6 counts no further than 32767.
        accumulation = routing.d8_flow_accum(input=surface, out_type="cells", output=str(folder / "accumulation.tif"))
        streams = engine.streams.extract_streams(
            flow_accumulation=accumulation, threshold=float(job["stream_cells"]), output=str(folder / "streams.tif")
        )
        engine.hydrology.hydrologic_indices.elevation_above_stream(
            dem=surface, streams=streams, output=str(folder / "height.tif")
        )
    return 0


def run_program(job: dict[str, Any]) -> int:
    """Condition, point and, where asked, accumulate with the WhiteboxTools program through its `whitebox` front end."""
    program = Path(job["program"])
    # Set before the front end is constructed: it would download the program otherwise.
    os.environ["WBT_PATH"] = str(program.parent)
    try:
        import whitebox
        from whitebox import whitebox_tools
    except ImportError as error:
        _say(f"the whitebox package cannot be imported: {error}")
        return MISSING
    started: list[subprocess.Popen[str]] = []

    def recording(*arguments: Any, **options: Any) -> subprocess.Popen[str]:
        process: subprocess.Popen[str] = subprocess.Popen(*arguments, **options)
        started.append(process)
        return process

    # The front end drops the program's exit code and answers 0 even after a crash; this keeps hold of it.
    whitebox_tools.Popen = recording
    tools = whitebox.WhiteboxTools()
    tools.set_whitebox_dir(str(program.parent))
    tools.exe_name = program.name
    for name, arguments, output in _steps(job):
        said: list[str] = []
        answer = tools.run_tool(name, [*arguments, f"--output={output}"], said.append)
        code = started[-1].wait() if started else answer
        if answer != 0 or code != 0 or not output.is_file():
            tail = " | ".join(line.strip() for line in said[-4:] if line.strip())
            made = "" if output.is_file() else ", no output file"
            _say(f"{name} ended with code {code or answer}{made}: {tail}")
            return FAILED
        started.clear()
    return 0


def _steps(job: dict[str, Any]) -> list[tuple[str, list[str], Path]]:
    """Tool, arguments and output file of every step; absolute paths, since the front end changes folders.

    Names in lower case: the front end turns them into those of the program and spoils names that are already so.
    """
    folder = Path(job["folder"])
    conditioned = folder / "conditioned.tif"
    if job["conditioning"] == "fill":
        first = ("fill_depressions", [f"--dem={job['dem']}", "--fix_flats"], conditioned)
    else:
        options = [f"--dist={int(job['max_distance'])}", "--min_dist"]
        first = ("breach_depressions_least_cost", [f"--dem={job['dem']}", *options], conditioned)
    steps = [first, ("d8_pointer", [f"--dem={conditioned}"], folder / "pointer.tif")]
    if job["stream_cells"]:
        arguments = [f"--input={conditioned}", "--out_type=cells"]
        steps.append(("d8_flow_accumulation", arguments, folder / "accumulation.tif"))
    return steps


def main(argument: str) -> int:
    """Run one job."""
    job = json.loads(argument)
    return run_program(job) if job["program"] else run_workflows(job)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
