"""``leachsim warmup``: compile all kernels now, so that the first run is as quick as the next."""

from __future__ import annotations

import time

from sim.cli.options import JsonOption, QuietOption
from sim.cli.streams import Progress, print_json


def warmup(json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Compile all kernels now, so that the first run is quick."""
    from sim.pipeline.warmup import warmup as compile_kernels

    since = time.perf_counter()
    with Progress(quiet=quiet) as progress:
        compile_kernels(progress)
    seconds = time.perf_counter() - since
    if json:
        print_json({"status": "done", "seconds": round(seconds, 3)})
    else:
        print(f"All kernels are compiled ({seconds:.1f} s).")
