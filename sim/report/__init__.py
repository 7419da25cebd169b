"""Maps, figures, the web map and the HTML report of one run.

The only room that knows matplotlib. Importing it loads no plotting library; `write_report` does, when it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.pipeline.result import Result

__all__ = ["write_report"]


def write_report(result: Result, folder: Path, summary: Mapping[str, Any] | None = None) -> list[Path]:
    """Write figures, the web map and the report of one finished run into `folder`.

    Writes ``figures/exposure_map.png``, ``figures/profile.png``, ``figures/dilution.png``, ``figures/five_mile.png``
    (each with an ``.svg`` beside it where that stays small), ``map.html`` and ``report.html``. A channel scenario
    has no terrain and one steady state, so it gets profile and report only. The same result gives the same bytes.

    Parameters
    ----------
    result : Result
    folder : Path
        Existing folder of the run.
    summary : mapping, optional
        ``"provenance"``: mapping of label to text, printed in the report as given. No clock times and no machine paths
        belong there, or the bytes no longer repeat.

    Returns
    -------
    list of Path
        The files written, in the order in which they were written.
    """
    from sim.report.write import write_all

    return write_all(result, folder, summary or {})
