"""What enters (Inputs), what the bed and the reaction do (Channel, Rates), for unsteady transport."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.arrays import BoolArray, FloatArray, canonicalise
from sim.chemistry.objects import Reactions
from sim.errors import ScenarioError
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load

Kind = Literal["load", "inflow", "fixed", "lateral"]
KINDS: tuple[Kind, ...] = ("load", "inflow", "fixed", "lateral")


@dataclass(frozen=True, slots=True)
class Series:
    """Something that enters one reach as a function of time; constant before the first and after the last time.

    Parameters
    ----------
    node : reach
    kind : "load" kg/s at the upstream end; "inflow" kg/m3 of the water in ``Water.head`` there; "lateral" kg/m3 of
        the lateral water; "fixed" kg/m3, the concentration AT the upstream end of a reach without rivers above
        (first-type boundary)
    time : (p,) s, increasing
    value : (p, s) for s substances; (p,) where there is one
    linear : True between the values along a straight line, False each value until the next time

    Raises
    ------
    ScenarioError
        LS-204 when the times do not increase or a value is negative or not finite.

    Examples
    --------
    >>> Series(0, "load", [0.0, 60.0], [2.0, 0.0]).mean([0.0], [120.0]).tolist()
    [[1.0]]
    """

    node: int
    kind: Kind
    time: FloatArray
    value: FloatArray
    linear: bool = False

    def __post_init__(self) -> None:
        values = np.asarray(self.value, dtype=np.float64)
        object.__setattr__(self, "value", values.reshape(len(values), -1))
        canonicalise(self, time=(np.float64, (-1,)), value=(np.float64, (len(values), -1)))
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        if len(self.time) != len(values) or len(values) == 0:
            raise ValueError("a series needs as many values as times, at least one")
        where = f"series ({self.kind}) at reach of node {self.node}"
        for i in np.flatnonzero(~np.isfinite(self.time))[:1]:
            raise ScenarioError(204, f"{where}: time {i + 1}", got=f"{self.time[i]}", expected="Must be finite")
        for i in np.flatnonzero(~(np.diff(self.time) > 0.0))[:1]:
            raise ScenarioError(
                204, f"{where}: time {i + 2}", got=f"{self.time[i + 1]:g} s after {self.time[i]:g} s",
                expected="Times must increase", remedy="Sort the series and remove times that repeat",
            )  # fmt: skip
        wrong = ~((self.value >= 0.0) & np.isfinite(self.value))
        for i, j in np.argwhere(wrong)[:1]:
            raise ScenarioError(
                204, f"{where}: value {i + 1}", got=f"{self.value[i, j]}",
                expected="Must be finite and not negative", remedy="Correct the value, or leave its time out",
            )  # fmt: skip

    def mean(self, begin: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """(steps, s) mean over every step, exact; steps within one interval of the series add no rounding."""
        a, b = np.asarray(begin, dtype=np.float64), np.asarray(end, dtype=np.float64)
        at_a = np.searchsorted(self.time, a, side="right") - 1
        at_b = np.searchsorted(self.time, b, side="left") - 1
        inside = at_b <= at_a
        middle = self._at(0.5 * (a + b))
        if inside.all():
            return middle
        width = np.where(inside, 1.0, b - a)[:, None]
        return np.where(inside[:, None], middle, (self._integral(b) - self._integral(a)) / width)

    def jumps(self) -> FloatArray:
        """Times at which the value jumps."""
        return np.empty(0) if self.linear else self.time[1:][np.any(np.diff(self.value, axis=0) != 0.0, axis=1)]

    def _at(self, t: FloatArray) -> FloatArray:
        if not self.linear:
            return np.asarray(self.value[np.clip(np.searchsorted(self.time, t, side="right") - 1, 0, None)])
        return np.stack([np.interp(t, self.time, column) for column in self.value.T], axis=1)

    def _integral(self, t: FloatArray) -> FloatArray:
        """Integral from the first time to t."""
        width = np.diff(self.time)[:, None]
        part = 0.5 * (self.value[1:] + self.value[:-1]) * width if self.linear else self.value[:-1] * width
        whole = np.concatenate((np.zeros((1, self.value.shape[1])), np.cumsum(part, axis=0)))
        at = np.clip(np.searchsorted(self.time, t, side="right") - 1, 0, None)
        since = (t - self.time[at])[:, None]
        now = self._at(0.5 * (t + self.time[at])) if self.linear else self.value[at]
        # before the first time the first value holds, and `since` is negative
        return np.asarray(whole[at] + now * since)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that brings mass in.

    Parameters
    ----------
    substances : s names, one for every column
    head, lateral : (t or 1, n, s) kg/m3, concentrations of the water in ``Water.head`` and ``Water.lateral``; a series
        of kind "inflow" or "lateral" takes their place in its reach. A number stands for the same everywhere
    series : what varies in time
    """

    substances: tuple[str, ...]
    head: FloatArray | float = 0.0
    lateral: FloatArray | float = 0.0
    series: tuple[Series, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """Shape of the channel as far as transport feels it; every field (n,) or one number.

    Parameters
    ----------
    dispersion : m2/s, longitudinal
    storage_area : m2, cross-section of the transient storage zone; 0 where there is none
    exchange : 1/s, alpha, exchange with it relative to the channel's volume
    reservoir : reaches that are one mixed volume
    """

    dispersion: FloatArray | float = 0.0
    storage_area: FloatArray | float = 0.0
    exchange: FloatArray | float = 0.0
    reservoir: BoolArray | bool = False


@dataclass(frozen=True, slots=True)
class Rates:
    """First-order reactions and sorption; every field (n, s), broadcastable to it, or one number.

    Parameters
    ----------
    decay : 1/s, loss of what is dissolved in the channel; also (t, n, s)
    storage_decay : 1/s, loss in the storage zone
    gas_exchange : 1/s, towards `gas_equilibrium` through the surface
    gas_equilibrium : kg/m3
    sorption : 1, rho Kd of the bed in equilibrium with the channel; the retardation factor is 1 + rho Kd
    kinetic_sorption : 1, rho Kd of the bed that follows with a rate
    sorption_rate : 1/s, lambda-hat of that bed
    """

    decay: FloatArray | float = 0.0
    storage_decay: FloatArray | float = 0.0
    gas_exchange: FloatArray | float = 0.0
    gas_equilibrium: FloatArray | float = 0.0
    sorption: FloatArray | float = 0.0
    kinetic_sorption: FloatArray | float = 0.0
    sorption_rate: FloatArray | float = 0.0


#: fields of Channel and Rates that must not be negative, with the name a message uses
NOT_NEGATIVE = (
    "dispersion", "storage_area", "exchange", "decay", "storage_decay", "gas_exchange", "gas_equilibrium", "sorption",
    "kinetic_sorption", "sorption_rate",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Initial:
    """State to start from; row values as `Solution` gives them.

    Parameters
    ----------
    channel : (N, s) kg/m3
    stores : (k, N, s) kg/m3; None for the same as the channel
    """

    channel: FloatArray
    stores: FloatArray | None = field(default=None)


def inputs_of(network: RiverNetwork, load: Load, time_edges: FloatArray) -> Inputs:
    """Inputs of a `Load` whose rates are constant within the flow's periods.

    Parameters
    ----------
    network : RiverNetwork of n nodes
    load : Load, rate (t, s, k) and background (t, s, n); head and boundary water must have the same background
    time_edges : (t + 1,) s

    Returns
    -------
    Inputs

    Raises
    ------
    ValueError
        If head and boundary water have different backgrounds.
    """
    if not np.array_equal(load.background_head, load.background_boundary):
        raise ValueError("head and boundary water must have the same background here; give Inputs instead")
    nodes: Sequence[int] = sorted(set(load.node[load.node >= 0].tolist()))
    series = tuple(
        Series(node, "load", time_edges[:-1], load.rate[:, :, load.node == node].sum(axis=2)) for node in nodes
    )
    head, lateral = (field.transpose(0, 2, 1) for field in (load.background_head, load.background_lateral))
    return Inputs(load.substances, head, lateral, series)


def rates_of(reactions: Reactions) -> Rates:
    """Rates of `Reactions`: the total first-order loss.

    Parameters
    ----------
    reactions : Reactions, loss_rate (t, s, n) 1/s

    Returns
    -------
    Rates
    """
    return Rates(decay=reactions.loss_rate.transpose(0, 2, 1))
