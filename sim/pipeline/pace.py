"""Stages of work on a grid, told with the share done and the rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

#: stage, share of the whole done (0 to 1), cells it works on, what of the stage is being done ("" when it begins)
Report = Callable[[str, float, int, str], None]


def silent(_: str, __: float, ___: int, ____: str) -> None:
    """Report for callers that want none."""


class Pace:
    """Names each stage to the caller and keeps its duration and rate.

    Parameters
    ----------
    report : called as a stage starts, and where the stage tells more
    weights : stage -> expected share of the time, in any unit; the share done is the sum of those that ended
    cells : int, cells of the grid

    Examples
    --------
    >>> seen = []
    >>> pace = Pace(lambda *said: seen.append(said), {"read": 1.0, "condition": 3.0}, 100)
    >>> for stage in ("read", "condition"):
    ...     with pace(stage):
    ...         pass
    >>> seen
    [('read', 0.0, 100, ''), ('condition', 0.25, 100, '')]
    """

    def __init__(self, report: Report, weights: Mapping[str, float], cells: int) -> None:
        self.report = report
        self.weights = dict(weights)
        self.cells = cells
        self.seconds: dict[str, float] = {}
        self._done = 0.0

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time one stage of `weights`."""
        weight = self.weights[stage]
        self.report(stage, self._done / sum(self.weights.values()), self.cells, "")
        start = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - start
        self._done += weight

    def within(self, stage: str, parts: Sequence[str]) -> Callable[[str, float], None]:
        """Return what a function that tells its own parts, and the share of each that is done, may call."""

        def tell(part: str, share: float) -> None:
            before = parts.index(part) if part in parts else 0
            done = self._done + self.weights[stage] * (before + share) / len(parts)
            self.report(stage, done / sum(self.weights.values()), self.cells, part)

        return tell

    def rates(self) -> dict[str, float]:
        """Cells per second of every stage that ended."""
        return {stage: self.cells / max(seconds, 1e-9) for stage, seconds in self.seconds.items()}
