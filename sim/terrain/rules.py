"""What to do with each depression: keep it, fill it or carve a way out of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sim.arrays import BoolArray, ByteArray, FloatArray, IntArray, canonicalise

#: decisions in `Depressions.decision`
KEEP, FILL, CARVE = 0, 1, 2
DECISIONS = ("keep", "fill", "carve")

#: depth down to which a depression counts as shallow, m. Judged: about the vertical error of global elevation models
#: (from memory: SRTM 16 m at 90 %), on which most depressions are artefacts.
SHALLOW = 20.0


@dataclass(frozen=True)
class Rule:
    """A decision for the depressions that meet every limit given.

    Parameters
    ----------
    decision : KEEP, FILL or CARVE
    min_depth, max_depth : float, m, greatest depth of water before it spills
    min_area, max_area : float, m2, area of the water surface
    min_volume, max_volume : float, m3
    within : (ncell,) bool, the lowest cell must lie in it; None for anywhere
    holding : (k,) int64 flat cells, one of them must lie under water; None for no such condition. A rule that keeps
        keeps the pits these cells drain to, not the lowest of a larger hollow around them.
    """

    decision: int
    min_depth: float = 0.0
    max_depth: float = float("inf")
    min_area: float = 0.0
    max_area: float = float("inf")
    min_volume: float = 0.0
    max_volume: float = float("inf")
    within: BoolArray | None = None
    holding: IntArray | None = None

    def __post_init__(self) -> None:
        if self.decision not in (KEEP, FILL, CARVE):
            raise ValueError(f"Rule.decision must be KEEP, FILL or CARVE, got {self.decision}")
        if self.within is not None:
            within = np.ascontiguousarray(self.within)
            if within.dtype != np.bool_:
                raise ValueError(f"Rule.within must be bool, got {within.dtype}")
            object.__setattr__(self, "within", within.ravel())
        if self.holding is not None:
            holding = np.asarray(self.holding)
            if holding.size and holding.dtype.kind not in "iu":
                raise ValueError(f"Rule.holding must be integers, got {holding.dtype}")
            object.__setattr__(self, "holding", np.unique(holding.astype(np.int64)))
        for name in ("depth", "area", "volume"):
            low, high = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if not 0.0 <= low <= high:
                raise ValueError(f"Rule.min_{name} = {low} and max_{name} = {high} must be ordered and not negative")

    @property
    def needs_size(self) -> bool:
        """Whether areas or volumes must be known."""
        unlimited = self.min_area == self.min_volume == 0.0 and self.max_area == self.max_volume == float("inf")
        return not unlimited


@dataclass(frozen=True)
class Rules:
    """Rules in order, the first that fits decides; else what is at most `carve_depth` deep is carved, the rest filled.

    Parameters
    ----------
    rules : tuple of Rule
    carve_depth : float, m; infinite to carve all, negative to fill all

    Examples
    --------
    >>> Rules.of("fill").carve_depth
    -1.0
    """

    rules: tuple[Rule, ...] = field(default=())
    carve_depth: float = SHALLOW

    def __post_init__(self) -> None:
        if np.isnan(self.carve_depth):
            raise ValueError("Rules.carve_depth must be a number of metres, infinite or negative, got nan")

    @classmethod
    def of(cls, conditioning: str, *rules: Rule, carve_depth: float = SHALLOW) -> Rules:
        """Return the rules behind the names "auto", "carve" and "fill"; `carve_depth`, m, counts for auto alone."""
        depth = {"auto": carve_depth, "carve": float("inf"), "fill": -1.0}
        if conditioning not in depth:
            raise ValueError(f"conditioning must be one of {sorted(depth)}, got {conditioning!r}")
        return cls(tuple(rules), depth[conditioning])

    @property
    def needs_size(self) -> bool:
        """Whether areas or volumes must be known."""
        return any(rule.needs_size for rule in self.rules)

    def decide(
        self, found: Depressions, *, keep: bool, cell_area: float, lake_of: IntArray
    ) -> tuple[ByteArray, IntArray]:
        """(d,) decision for each depression, and the number of the rule that took it, -1 for none.

        Parameters
        ----------
        found : Depressions, their decisions are not read
        keep : False to pass over the rules that keep, once the kept ones are known
        cell_area : float, m2
        lake_of : (k,) int64, the depression under whose water each cell of all rules' `holding` lies, -1 for none,
            one rule after the other
        """
        default = np.where(found.depth <= self.carve_depth, CARVE, FILL).astype(np.uint8)
        chosen = np.full(default.size, -1, dtype=np.int64)
        area = found.cells * cell_area
        at = 0
        for number, rule in enumerate(self.rules):
            fits = (found.depth >= rule.min_depth) & (found.depth <= rule.max_depth)
            fits &= (area >= rule.min_area) & (area <= rule.max_area)
            fits &= (found.volume >= rule.min_volume) & (found.volume <= rule.max_volume)
            if rule.within is not None:
                fits &= rule.within[found.lowest]
            if rule.holding is not None:
                held = np.zeros(default.size, dtype=np.bool_)
                lakes = lake_of[at : at + rule.holding.size]
                held[lakes[lakes >= 0]] = True
                at += rule.holding.size
                fits &= held
            if rule.decision == KEEP and not keep:
                continue
            fits &= chosen < 0
            default[fits] = rule.decision
            chosen[fits] = number
        return default, chosen

    def holding(self) -> IntArray:
        """All cells named by the rules, one rule after the other."""
        cells = [rule.holding for rule in self.rules if rule.holding is not None]
        return np.concatenate([np.zeros(0, dtype=np.int64), *cells]).astype(np.int64)


@dataclass(frozen=True)
class Depressions:
    """The closed hollows of a terrain and what was decided for each; those within one another count as one.

    Around a kept one the hollows it holds drain to its pit and are listed too; their water is part of what the kept one
    would hold before it spills.

    Parameters
    ----------
    lowest : (d,) int64, flat cell
    level : (d,) float64, m, height at which water spills
    depth : (d,) float64, m, from there to the lowest cell
    cells : (d,) int64, number of cells under water
    volume : (d,) float64, m3 of water
    spill : (d,) int64, flat cell of the pass over which water leaves
    decision : (d,) uint8, KEEP, FILL or CARVE
    """

    lowest: IntArray
    level: FloatArray
    depth: FloatArray
    cells: IntArray
    volume: FloatArray
    spill: IntArray
    decision: ByteArray

    def __post_init__(self) -> None:
        shape = (self.lowest.size,)
        canonicalise(
            self,
            lowest=(np.int64, shape),
            level=(np.float64, shape),
            depth=(np.float64, shape),
            cells=(np.int64, shape),
            volume=(np.float64, shape),
            spill=(np.int64, shape),
            decision=(np.uint8, shape),
        )

    @property
    def size(self) -> int:
        """Number of depressions."""
        return self.lowest.size

    @classmethod
    def none(cls) -> Depressions:
        """Return an empty table."""
        reals, cells = np.zeros(0), np.zeros(0, dtype=np.int64)
        return cls(cells, reals, reals, cells, reals, cells, np.zeros(0, dtype=np.uint8))
