"""Passage of a spill at the points of a solution: arrival, peak, and time above a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.arrays import FloatArray, canonicalise
from sim.transport.solution import Solution


@dataclass(frozen=True, slots=True)
class Passage:
    """What p points see of one substance.

    Parameters
    ----------
    arrival : (p,) s, first time at the threshold; nan where it is never reached
    departure : (p,) s, last time at the threshold; nan where it is never reached, the end of the run where it lasts
    above : (p,) s, time above the threshold
    peak : (p,) kg/m3
    peak_time : (p,) s
    """

    arrival: FloatArray
    departure: FloatArray
    above: FloatArray
    peak: FloatArray
    peak_time: FloatArray

    def __post_init__(self) -> None:
        field = (np.float64, (len(self.peak),))
        canonicalise(self, arrival=field, departure=field, above=field, peak=field, peak_time=field)


def passage(solution: Solution, threshold: float, substance: int = 0) -> Passage:
    """When the concentration at each point first reaches a threshold, how high it gets, and for how long.

    Concentrations are taken as straight lines between the ends of steps.

    Parameters
    ----------
    solution : Solution with p points
    threshold : kg/m3, > 0
    substance : column

    Returns
    -------
    Passage

    Raises
    ------
    ValueError
        If the threshold is not positive and finite.

    References
    ----------
    Jobson 1996, USGS Water-Resources Investigations Report 96-4013 (arrival, peak and duration of a spill).

    Examples
    --------
    >>> from sim.network import network_from_table
    >>> from sim.transport import Inputs, Series, passage, route_water, unsteady
    >>> river, _ = network_from_table(["a"], [""], [100.0], [0.01])
    >>> spill = Inputs(("acid",), series=(Series(0, "load", [0.0, 60.0], [5.0, 0.0]),))
    >>> water = route_water(river, head=1.0, volume=100.0, time_edges=[0.0, 900.0])
    >>> found = passage(unsteady(river, water, spill, step=10.0, points=[0]), 0.1)
    >>> bool(found.arrival[0] < found.peak_time[0] < found.departure[0])
    True
    """
    if not (threshold > 0.0 and np.isfinite(threshold)):
        raise ValueError("the threshold must be positive and finite")
    time, values = solution.time, solution.points[:, :, substance]
    before, after = values[:-1] - threshold, values[1:] - threshold
    step = np.diff(time)[:, None]
    # share of the step at which the line crosses the threshold
    crossing = np.divide(before, before - after, out=np.zeros_like(before), where=before != after)
    share = np.where(
        (before >= 0.0) & (after >= 0.0), 1.0,
        np.where((before < 0.0) & (after < 0.0), 0.0, np.where(before >= 0.0, crossing, 1.0 - crossing)),
    )  # fmt: skip
    touched = (before >= 0.0) | (after >= 0.0)
    first = np.where(before >= 0.0, 0.0, crossing) * step + time[:-1, None]
    last = np.where(after >= 0.0, 1.0, crossing) * step + time[:-1, None]
    reached = touched.any(axis=0)
    highest = np.argmax(values, axis=0)
    return Passage(
        arrival=np.where(reached, np.min(np.where(touched, first, np.inf), axis=0), np.nan),
        departure=np.where(reached, np.max(np.where(touched, last, -np.inf), axis=0), np.nan),
        above=(share * step).sum(axis=0),
        peak=values.max(axis=0),
        peak_time=time[highest],
    )
