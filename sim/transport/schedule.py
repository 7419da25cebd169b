"""When things happen: periods, steps, halved steps after jumps, and times at which the whole state is kept."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from sim.arrays import FloatArray
from sim.errors import ScenarioError
from sim.transport.inputs import Inputs

#: steps after a jump that are taken as two implicit Euler steps of half the length each (Rannacher 1984)
DAMPED_STEPS = 2


@dataclass(frozen=True)
class Segment:
    """Steps of equal nominal length within one period.

    Parameters
    ----------
    period : of the water
    step : s, nominal length dt
    begin, end : (steps,) s
    weight : (steps,) 1/theta: 2 for the trapezoidal rule over dt, 1 for implicit Euler over dt/2 (or dt, when upwind)
    keep : True when the state after the last step is wanted as a field
    """

    period: int
    step: float
    begin: FloatArray
    end: FloatArray
    weight: FloatArray
    keep: bool


def segments(
    time_edges: FloatArray,
    inputs: Inputs,
    step: float,
    times: FloatArray,
    *,
    euler: bool,
    most: int,
    damped: bool = True,
) -> list[Segment]:
    """Divide the run into segments of at most `most` steps; periods and wanted times are met exactly.

    After the start and after every jump of a series `DAMPED_STEPS` steps are halved and taken by implicit Euler: the
    trapezoidal rule alone would carry the wiggles of a jump along, and its matrix over dt is that of Euler over dt/2.

    Parameters
    ----------
    time_edges : (t + 1,) s
    inputs : Inputs, for the jumps of its series
    step : s, longest step
    times : s, wanted
    euler : True for implicit Euler throughout
    most : longest segment
    damped : False for the trapezoidal rule throughout
    """
    if not (step > 0.0 and np.isfinite(step)):
        raise ScenarioError(204, "step", got=f"{step:g} s", expected="Must be positive and finite")
    wrong = (times < time_edges[0]) | (times > time_edges[-1]) | ~np.isfinite(times)
    for i in np.flatnonzero(wrong)[:1]:
        raise ScenarioError(
            204, "times", got=f"{times[i]:g} s", expected=f"Must lie in [{time_edges[0]:g}, {time_edges[-1]:g}] s",
            remedy="Ask for times within the water's periods",
        )  # fmt: skip
    edges = np.unique(np.concatenate((time_edges, times)))
    jumps = np.unique(np.concatenate([time_edges[:1], *(series.jumps() for series in inputs.series)]))
    found = []
    for a, b in itertools.pairwise(edges):
        period = int(np.searchsorted(time_edges, a, side="right")) - 1
        count = max(int(np.ceil((b - a) / step * (1.0 - 1e-9))), 1)
        marks = a + (b - a) * (np.arange(count + 1) / count)
        marks[-1] = b
        begin, end, weight = _steps(marks, jumps if damped else jumps[:0], euler)
        for first in range(0, len(begin), most):
            part = slice(first, first + most)
            last = first + most >= len(begin)
            keep = bool(last and np.any(times == b))
            found.append(Segment(period, (b - a) / count, begin[part], end[part], weight[part], keep))
    return found


def _steps(marks: FloatArray, jumps: FloatArray, euler: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Begin, end and weight of every step between the marks."""
    begin, end = marks[:-1], marks[1:]
    if euler:
        return begin, end, np.ones(len(begin))
    # a step is halved when it begins less than DAMPED_STEPS steps after a jump, or holds one
    if len(jumps) == 0:
        return begin, end, np.full(len(begin), 2.0)
    before = np.searchsorted(jumps, end * (1.0 - 1e-12), side="left") - 1
    since = begin - jumps[np.clip(before, 0, None)]
    halved = (before >= 0) & (since < (DAMPED_STEPS - 1e-6) * (end - begin))
    middle = 0.5 * (begin + end)
    starts = np.stack((begin, middle), axis=1)
    ends = np.stack((np.where(halved, middle, end), end), axis=1)
    real = np.stack((np.ones(len(begin), dtype=np.bool_), halved), axis=1)
    weights = np.where(np.stack((halved, halved), axis=1), 1.0, 2.0)
    return starts[real], ends[real], weights[real]
