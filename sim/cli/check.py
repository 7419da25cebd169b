"""``leachsim check``: read a scenario, compute nothing, say what a run would need."""

from __future__ import annotations

from sim.cli.locate import locate
from sim.cli.options import JsonOption, ScenarioArgument, SetOption
from sim.cli.streams import clean, display_path, print_json


def check(scenario: ScenarioArgument, set_: SetOption = None, json: JsonOption = False) -> None:
    """Find all mistakes of SCENARIO; estimate size and time."""
    from sim.pipeline.check import estimate
    from sim.scenario.load import load_scenario

    file = locate(scenario)
    found = estimate(load_scenario(file, set_ or []))
    if json:
        print_json({"status": "done", "scenario": str(file), **found.as_dict()})
        return
    print(f"{clean(display_path(file))} is in order.")
    for line in found.lines:
        print(f"  {clean(line)}")
    memory, disk = bytes_text(found.memory_bytes), bytes_text(found.disk_bytes)
    print(f"  memory about {memory}, disk about {disk}, time about {seconds_text(found.seconds)}")


def bytes_text(size: float) -> str:
    """Size with a unit people read.

    Examples
    --------
    >>> bytes_text(1_500_000)
    '1.5 MB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000.0
    return f"{size:.3g} TB"


def seconds_text(seconds: float) -> str:
    """Time with a unit people read.

    Examples
    --------
    >>> seconds_text(0.4), seconds_text(150.0)
    ('under 1 s', '2.5 min')
    """
    if seconds < 1.0:
        return "under 1 s"
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.1f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"
