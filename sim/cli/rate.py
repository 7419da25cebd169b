"""Progress with a rate: what is being done, how much of the whole is done, and how many cells go by each second."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sim.cli.streams import clean

if TYPE_CHECKING:
    from rich.progress import Progress


class RateProgress:
    """Show stages on stderr when it is a terminal; say nothing otherwise.

    Parameters
    ----------
    quiet : bool
        Say nothing on a terminal either.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: Progress | None = None
        self._task: Any = None
        self._stage = ""
        self._cells = 0
        self._since = 0.0

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                Progress,
                SpinnerColumn,
                TaskProgressColumn,
                TextColumn,
                TimeElapsedColumn,
            )

            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TaskProgressColumn(),
                TimeElapsedColumn(),
            )
            self._bar = Progress(*columns, console=Console(stderr=True, highlight=False), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("starting", total=1.0)
        return self

    def __call__(self, stage: str, share: float, cells: int, step: str = "") -> None:
        """Tell the stage, the share of the whole that is done, the cells it works on, and the step it is at."""
        if self._bar is None:
            return
        from rich.markup import escape

        if stage != self._stage:
            self._end_stage()
            self._stage, self._cells, self._since = stage, cells, time.perf_counter()
        words = f"{stage}: {step}" if step else stage
        self._bar.update(self._task, completed=share, description=escape(clean(f"{words}, {cells_text(cells)} cells")))

    def _end_stage(self) -> None:
        if self._bar is not None and self._stage:
            from rich.markup import escape

            seconds = time.perf_counter() - self._since
            rate = cells_text(self._cells / max(seconds, 1e-9))
            self._bar.console.print(f"[dim]{seconds:7.2f} s[/dim]  {escape(clean(self._stage))}, {rate} cells/s")
            self._stage = ""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            if kind is None:
                self._end_stage()
            self._bar.stop()
            self._bar = None


def cells_text(cells: float) -> str:
    """Number of cells as people read it.

    Examples
    --------
    >>> cells_text(950), cells_text(36_000_000), cells_text(1234.5)
    ('950', '36 M', '1.23 k')
    """
    for unit in ("", " k", " M", " G"):
        if cells < 999.5:
            return f"{cells:.3g}{unit}"
        cells /= 1000.0
    return f"{cells:.3g} T"
