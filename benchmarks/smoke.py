"""Quick benchmark: warmed kernels, answers checked, each as a ratio to a streaming triad in the same process.

Run: python benchmarks/smoke.py. It takes well under a minute and fails only when an answer is wrong.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Sequence

from cases import Case, network_case, terrain_case, transport_case, triad_case

ROUNDS = 5


def seconds(case: Case) -> float:
    """Time one execution and check its answer outside the timing."""
    since = time.perf_counter()
    answer = case.work()
    taken = time.perf_counter() - since
    case.check(answer)
    return taken


def measure(cases: Sequence[Case], rounds: int = ROUNDS) -> list[float]:
    """Median seconds of every case; the cases take turns, so that other load on the machine meets all of them."""
    for case in cases:
        seconds(case)  # compiles, and fills caches
    taken: list[list[float]] = [[] for _ in cases]
    gc.disable()
    try:
        for _ in range(rounds):
            for case, found in zip(cases, taken, strict=True):
                found.append(seconds(case))
    finally:
        gc.enable()
    return [statistics.median(found) for found in taken]


def main() -> None:
    """Print one line per case."""
    cases = [
        triad_case(),
        terrain_case(1000, rough=False),
        terrain_case(1000, rough=True),
        network_case(1000),
        transport_case(10_000),
    ]
    medians = measure(cases)
    reference = medians[0] / cases[0].items
    print(f"{'case':<16} {'items':>10} {'seconds':>9} {'ns/item':>9} {'x triad':>9}  item")
    for case, median in zip(cases, medians, strict=True):
        each = median / case.items
        ratio = each / reference
        print(f"{case.name:<16} {case.items:>10,} {median:>9.4f} {each * 1e9:>9.2f} {ratio:>9.1f}  {case.unit}")


if __name__ == "__main__":
    main()
