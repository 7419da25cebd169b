"""Thresholds, receptors, zones and Exposure."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sim.arrays import BoolArray, ByteArray, FloatArray, IntArray, canonicalise


@dataclass(frozen=True, slots=True)
class Threshold:
    """One numeric criterion, in SI, with its source and evidence mark.

    value : kg/m3, for the substance as carried (see `sim.registry.SUBSTANCES`)
    fraction : "total" or "dissolved", which of the two is compared
    shown : the value as the source writes it, with unit, e.g. "10 ug/L"
    evidence : "found" or "memory"
    """

    identifier: str
    substance: str
    value: float
    fraction: str
    shown: str
    medium: str
    endpoint: str
    jurisdiction: str
    source: str
    year: int
    evidence: str


@dataclass(frozen=True, slots=True)
class Receptors:
    """Places people, animals or plants depend on. Unlocated ones stay in the list with node -1 and nan positions.

    name, kind : r labels; kind is town, village, intake, hydropower, dam, monitoring or other
    longitude, latitude, x, y : (r,) nan where the position was not found
    node : (r,) int64, node whose upstream end is the receptor's place on the river; -1 when it has none
    distance : (r,) m, from the place to the river (nan when not found)
    distance_is : r strings: "flow path", or "straight line" for places found by drainage area; "" when not found
    fall : r heights (m) of the places above their river where a flow path was followed, else nan
    status : r strings: "located", "position not found", "outside the terrain", "drains off the terrain", or
        "no river of that size within ... km"
    evidence : r strings, mark of the position (F found, D derived, M memory, "" none)
    """

    name: tuple[str, ...]
    kind: tuple[str, ...]
    longitude: FloatArray
    latitude: FloatArray
    x: FloatArray
    y: FloatArray
    node: IntArray
    distance: FloatArray
    status: tuple[str, ...]
    evidence: tuple[str, ...]
    source: tuple[str, ...]
    distance_is: tuple[str, ...] = ()
    fall: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        r = len(self.name)
        real = (np.float64, (r,))
        canonicalise(self, longitude=real, latitude=real, x=real, y=real, node=(np.int64, (r,)), distance=real)

    @property
    def size(self) -> int:
        """Number of receptors."""
        return len(self.name)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Land and river inside the circle zone, in the modelled downstream zone, or both. They sum to the whole exactly.

    land : m2, cells; river : m, channel length.
    """

    land_circle_only: float
    land_both: float
    land_modelled_only: float
    land_neither: float
    river_circle_only: float
    river_both: float
    river_modelled_only: float
    river_neither: float


@dataclass(frozen=True, slots=True)
class Exposure:
    """Who and what is exposed, in the steady first form.

    thresholds : h criteria compared
    quotient : (h, t, n) worst concentration on the node (inlet or outlet, total or dissolved as asked) over threshold
    background_quotient : (h, t, n) the same without the pits
    months_above : (h, n) uint8, number of months above the threshold
    exceeded_length : (h,) m, channel length above the threshold in at least one month
    exceeded_length_background : (h,) m, above it even without pits
    exceeded_length_pits : (h,) m, above it by what comes from pits alone, without background
    downstream : (n,) bool, nodes downstream of at least one site
    travel_time : (t, n) s, shortest time from a site upstream to the node's upstream end; nan where none
    zone_wkb : bytes, circle zone (dissolved geodesic discs) in WGS84
    zone_area : m2, geodesic area of that zone
    zone_radius : m
    corridor : (ncell,) bool, modelled downstream land zone (valley floor beside downstream channels)
    circle : (ncell,) bool, cells whose centre lies in the circle zone
    near_node : (r,) int64, per receptor the nearest node with water from sites, as the crow flies; -1 where none
    near_distance : (r,) m, distance to it; nan where none
    """

    thresholds: tuple[Threshold, ...]
    quotient: FloatArray
    background_quotient: FloatArray
    months_above: ByteArray
    exceeded_length: FloatArray
    exceeded_length_background: FloatArray
    exceeded_length_pits: FloatArray
    downstream: BoolArray
    travel_time: FloatArray
    receptors: Receptors
    zone_wkb: bytes
    zone_area: float
    zone_radius: float
    corridor: BoolArray
    circle: BoolArray
    overlap: Overlap
    near_node: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    near_distance: FloatArray = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        h, t, n = self.quotient.shape
        canonicalise(
            self, quotient=(np.float64, (h, t, n)), background_quotient=(np.float64, (h, t, n)),
            months_above=(np.uint8, (h, n)), exceeded_length=(np.float64, (h,)),
            exceeded_length_background=(np.float64, (h,)), exceeded_length_pits=(np.float64, (h,)),
            downstream=(np.bool_, (n,)),
            travel_time=(np.float64, (t, n)), corridor=(np.bool_, (-1,)), circle=(np.bool_, (-1,)),
            near_node=(np.int64, (-1,)), near_distance=(np.float64, (len(self.near_node),)),
        )  # fmt: skip
