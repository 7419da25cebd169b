"""What unsteady transport gives: concentrations at points and times, fields, and the mass ledger."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.arrays import FloatArray, IntArray, canonicalise
from sim.errors import BalanceError
from sim.transport.mesh import Mesh

#: largest error of the ledger over one interval and over the whole run, relative to the mass handled
STEP_TOLERANCE = 1e-13
RUN_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class Ledger:
    """Mass of every substance over b intervals of the run, kg: (b, s).

    stored (b + 1 rows, before the first interval and after each) changes by
    entered - out - abstracted - decayed - volatilised - decayed_in_storage; `error` is what is missing.
    `diverted` passed through diversions and is still in the network. `entered` counts what flows in over the head of
    a reach with fixed concentration less what disperses back through it; `volatilised` is net of uptake.

    Parameters
    ----------
    time : (b + 1,) s, ends of the intervals
    entered, out, abstracted, diverted, decayed, volatilised, decayed_in_storage : (b, s) kg
    in_channel, sorbed, in_storage, in_bed : (b + 1, s) kg, stored in the water, on the bed in equilibrium, in the
        transient storage zone, on the bed that sorbs with a rate
    """

    time: FloatArray
    entered: FloatArray
    out: FloatArray
    abstracted: FloatArray
    diverted: FloatArray
    decayed: FloatArray
    volatilised: FloatArray
    decayed_in_storage: FloatArray
    in_channel: FloatArray
    sorbed: FloatArray
    in_storage: FloatArray
    in_bed: FloatArray

    def __post_init__(self) -> None:
        flow, stock = (np.float64, self.entered.shape), (np.float64, self.in_channel.shape)
        canonicalise(
            self, time=(np.float64, (-1,)), entered=flow, out=flow, abstracted=flow, diverted=flow, decayed=flow,
            volatilised=flow, decayed_in_storage=flow, in_channel=stock, sorbed=stock, in_storage=stock, in_bed=stock,
        )  # fmt: skip

    @property
    def stored(self) -> FloatArray:
        """(b + 1, s) kg in the whole network."""
        return self.in_channel + self.sorbed + self.in_storage + self.in_bed

    @property
    def gone(self) -> FloatArray:
        """(b, s) kg that left the network or was transformed."""
        return self.out + self.abstracted + self.decayed + self.volatilised + self.decayed_in_storage

    @property
    def error(self) -> FloatArray:
        """(b, s) kg, what is missing (positive) or too much (negative) after each interval."""
        return (self.entered - self.gone) - np.diff(self.stored, axis=0)

    @property
    def relative_error(self) -> FloatArray:
        """(b, s) |error| over the mass handled so far: there at the start and entered, or gone and still there."""
        entered = np.abs(self.stored[0]) + np.cumsum(np.abs(self.entered), axis=0)
        handled = np.maximum(entered, np.cumsum(np.abs(self.gone), axis=0) + np.abs(self.stored[1:]))
        return np.abs(self.error) / np.where(handled > 0.0, handled, 1.0)

    @property
    def cumulative_error(self) -> FloatArray:
        """(s,) |error| of the whole run over what was there at the start and entered."""
        entered, gone = (np.sum(flow, axis=0) for flow in (self.entered, self.gone))
        missing = (entered - gone) - (self.stored[-1] - self.stored[0])
        handled = np.maximum(self.stored[0] + np.abs(entered), np.abs(gone) + self.stored[-1])
        return np.asarray(np.abs(missing) / np.where(handled > 0.0, handled, 1.0))

    def check(self, substances: tuple[str, ...], tolerance: FloatArray) -> None:
        """Refuse a ledger that does not close.

        Parameters
        ----------
        substances : s names
        tolerance : (b,) 1, largest relative error of every interval; the whole run has RUN_TOLERANCE

        Raises
        ------
        BalanceError
            LS-401 with the substance, and the time of the first interval that does not close.
        """
        # written so that a nan fails too
        wrong = ~(self.relative_error <= tolerance[:, None])
        for interval, column in np.argwhere(wrong)[:1]:
            raise BalanceError(
                401,
                f"mass ledger of {substances[column]}, {self.time[interval]:g} s to {self.time[interval + 1]:g} s",
                got=f"{self.relative_error[interval, column]:.3g} relative error",
                expected=f"Must not exceed {tolerance[interval]:g}",
                remedy="Take a shorter step; if that does not help, please report it with the scenario",
            )
        total = self.cumulative_error
        for (column,) in np.argwhere(~(total <= RUN_TOLERANCE))[:1]:
            raise BalanceError(
                401,
                f"mass ledger of {substances[column]}, whole run",
                got=f"{total[column]:.3g} relative error",
                expected=f"Must not exceed {RUN_TOLERANCE:g}",
                remedy="Take a shorter step; if that does not help, please report it with the scenario",
            )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that is needed to go on with an interrupted run; arrays only, so that it can be saved as they are.

    Parameters
    ----------
    done : () int64, segments that are finished
    channel, stores : (N + 1, s), (k, N, s) state as the scheme keeps it (kg/m3 or kg)
    time, points : (steps + 1,), (steps + 1, p, s) so far
    marks, stocks, flows, tolerance : (b + 1,), (b + 1, 4, s), (b, lines, s), (b,) ledger so far
    field_times, fields, field_stores : (f,), (f, N, s), (f, k, N, s) whole states kept so far
    """

    done: IntArray
    channel: FloatArray
    stores: FloatArray
    time: FloatArray
    points: FloatArray
    marks: FloatArray
    stocks: FloatArray
    flows: FloatArray
    tolerance: FloatArray
    field_times: FloatArray
    fields: FloatArray
    field_stores: FloatArray


@dataclass(frozen=True, slots=True)
class Solution:
    """Concentrations in time; s substances, N rows of the mesh, p points, steps + 1 times.

    Parameters
    ----------
    substances : s names
    mesh : Mesh
    time : (steps + 1,) s, start and end of every step
    points : (steps + 1, p, s) kg/m3 at the points asked for
    field_times : (f,) s
    channel : (f, N, s) kg/m3, rows of the mesh at the times asked for
    stores : (f, k, N, s) kg/m3, storage zone and bed (in equivalent water), those that exist
    final_channel, final_stores : (N, s), (k, N, s) kg/m3 at the end
    ledger : Ledger
    """

    substances: tuple[str, ...]
    mesh: Mesh
    time: FloatArray
    points: FloatArray
    field_times: FloatArray
    channel: FloatArray
    stores: FloatArray
    final_channel: FloatArray
    final_stores: FloatArray
    ledger: Ledger

    def at(self, times: FloatArray, substance: int = 0) -> FloatArray:
        """(len(times), p) kg/m3 at the points, linear between the ends of steps."""
        series = self.points[:, :, substance].T
        return np.stack([np.interp(times, self.time, column) for column in series], axis=1)
