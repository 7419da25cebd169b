"""Concentration and Budget: what transport gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.arrays import FloatArray, canonicalise


@dataclass(frozen=True, slots=True)
class Concentration:
    """Steady concentrations (dissolved and suspended together), t periods, s substances, n nodes, kg/m3.

    Parameters
    ----------
    substances : s names
    inlet, outlet : (t, s, n) at the upstream end after mixing and at the downstream end
    pit_inlet, pit_outlet : (t, s, n) the part that comes from pits (the rest is background)
    dissolved_fraction : (t, s, n)
    """

    substances: tuple[str, ...]
    inlet: FloatArray
    outlet: FloatArray
    pit_inlet: FloatArray
    pit_outlet: FloatArray
    dissolved_fraction: FloatArray

    def __post_init__(self) -> None:
        field = (np.float64, self.inlet.shape)
        canonicalise(self, inlet=field, outlet=field, pit_inlet=field, pit_outlet=field, dissolved_fraction=field)

    def index(self, substance: str) -> int:
        """Position of a substance on the second axis."""
        return self.substances.index(substance)


@dataclass(frozen=True, slots=True)
class Budget:
    """Mass budget of the whole network, kg over each period: (t, s), with a last axis m for m members.

    ``from_pits + from_background = out + reacted + stored`` up to `error`. Links take `diverted` out of the river and
    bring `returned` back to it; the difference was lost on their way and counts in `reacted`.
    """

    substances: tuple[str, ...]
    from_pits: FloatArray
    from_background: FloatArray
    out: FloatArray
    reacted: FloatArray
    stored: FloatArray
    diverted: FloatArray
    returned: FloatArray

    def __post_init__(self) -> None:
        field = (np.float64, self.out.shape)
        canonicalise(
            self, from_pits=field, from_background=field, out=field, reacted=field, stored=field, diverted=field,
            returned=field,
        )  # fmt: skip

    @property
    def error(self) -> FloatArray:
        """(t, s) kg, what is missing (positive) or too much (negative)."""
        return self.from_pits + self.from_background - self.out - self.reacted - self.stored

    @property
    def relative_error(self) -> FloatArray:
        """(t, s) |error| over what came in; 0 where nothing came in and nothing is missing."""
        scale = np.maximum(self.from_pits + self.from_background, self.out + self.reacted + np.abs(self.stored))
        return np.abs(self.error) / np.where(scale > 0.0, scale, 1.0)
