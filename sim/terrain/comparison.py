"""What is known after the flow paths of several settings on one grid were compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.arrays import ByteArray, FloatArray, IntArray, canonicalise
from sim.terrain.objects import Grid

#: Steps by which two outlets may differ and still be called the same place.
OUTLET_STEPS = 5


@dataclass(frozen=True, slots=True)
class SurfaceChange:
    """What conditioning did to the ground.

    Parameters
    ----------
    raised_cells, lowered_cells : int
    raised_volume, lowered_volume : float, m3
    highest_raise, deepest_cut : float, m, 0 where there is none
    """

    raised_cells: int
    lowered_cells: int
    raised_volume: float
    lowered_volume: float
    highest_raise: float
    deepest_cut: float


@dataclass(frozen=True, slots=True)
class FlowPaths:
    """What is kept of one terrain in order to compare it with others.

    Parameters
    ----------
    name : str, the setting
    engine, method : str, as in `Terrain`
    stream_cell : (k,) int64, ascending flat cells that drain at least the stream area
    stream_receiver : (k,) int64, the cell each drains to, -1 at outlets
    stream_area : (k,) float64, m2, drainage area
    basin_outlet : (m,) int64, cells at which flow paths end, largest basin first, lower cell first among equals
    basin_area : (m,) float64, m2, of the cells that drain to each
    direction : (ncell,) uint8, codes as in `Terrain`
    basin : (ncell,) int32, position in `basin_outlet` of the basin each cell lies in, -1 where not valid
    change : SurfaceChange
    """

    name: str
    engine: str
    method: str
    stream_cell: IntArray
    stream_receiver: IntArray
    stream_area: FloatArray
    basin_outlet: IntArray
    basin_area: FloatArray
    direction: ByteArray
    basin: npt.NDArray[np.int32]
    change: SurfaceChange

    def __post_init__(self) -> None:
        k, m = self.stream_cell.size, self.basin_outlet.size
        canonicalise(
            self,
            stream_cell=(np.int64, (k,)),
            stream_receiver=(np.int64, (k,)),
            stream_area=(np.float64, (k,)),
            basin_outlet=(np.int64, (m,)),
            basin_area=(np.float64, (m,)),
            direction=(np.uint8, (-1,)),
            basin=(np.int32, self.direction.shape),
        )


@dataclass(frozen=True, slots=True)
class StreamOverlap:
    """How far the streams of two settings lie on the same cells; nan where a share of nothing is asked for.

    Parameters
    ----------
    first_cells, second_cells, shared_cells : int
    jaccard : float, shared cells over cells of either
    tolerant_jaccard : float, the same when cells one step apart count as shared
    steps : tuple of int
    first_within, second_within : (len(steps),) float64, share of the one's stream cells that have a stream cell of the
        other at most that many steps (to eight neighbours) away
    """

    first_cells: int
    second_cells: int
    shared_cells: int
    jaccard: float
    tolerant_jaccard: float
    steps: tuple[int, ...]
    first_within: FloatArray
    second_within: FloatArray


@dataclass(frozen=True, slots=True)
class BasinMatch:
    """One large basin of the first setting and the basin of the second that holds most of it.

    Parameters
    ----------
    first_outlet, second_outlet : int, flat cells; the second is -1 where nothing of it is drained
    first_area, second_area, shared_area : float, m2
    outlet_distance : float, m, between the two outlets; nan where there is no second
    """

    first_outlet: int
    second_outlet: int
    first_area: float
    second_area: float
    shared_area: float
    outlet_distance: float

    @property
    def jaccard(self) -> float:
        """Shared area over the area of either."""
        return self.shared_area / (self.first_area + self.second_area - self.shared_area)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two settings compared.

    Parameters
    ----------
    first, second : str, names of the settings
    streams : StreamOverlap
    cells : int, cells drained by both
    other_outlet : int, those of them whose flow paths end in different cells
    far_outlet : int, those of them whose flow paths end more than `OUTLET_STEPS` steps apart
    other_basin : int, those of them that lie in basins that do not match; two match when each holds more of the other
        than any other basin does, wherever their outlets lie
    basins : largest basins of the first, largest first
    same_paths : bool, True when every cell drains to the same neighbour
    """

    first: str
    second: str
    streams: StreamOverlap
    cells: int
    other_outlet: int
    far_outlet: int
    other_basin: int
    basins: tuple[BasinMatch, ...]
    same_paths: bool


@dataclass(frozen=True, slots=True)
class ComparedPlace:
    """A named point and what drains through it under each setting.

    Parameters
    ----------
    name, kind : str
    longitude, latitude : float, degrees
    expected : float, m2, drainage area given for it; nan when none
    area : float per setting, m2, drainage area of the channel found for it; nan where none was
    cell : int per setting, flat cell of that channel, -1 where none was
    said : str per setting, why none was found; "" where one was
    """

    name: str
    kind: str
    longitude: float
    latitude: float
    expected: float
    area: tuple[float, ...]
    cell: tuple[int, ...]
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FailedSetting:
    """A setting that gave no flow paths, and the message of its engine."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class ComparedTerrain:
    """All settings of one comparison.

    Parameters
    ----------
    title : str, what was compared: the scenario's title or the raster's name
    grid : Grid of all
    stream_area : float, m2, least drainage area of a stream
    sentences : setting -> what it does
    paths : settings that gave flow paths, in the order asked for
    failed : settings that gave none
    comparisons : every pair of `paths`, in order
    places : named points; values in the order of `paths`
    """

    title: str
    grid: Grid
    stream_area: float
    sentences: dict[str, str]
    paths: tuple[FlowPaths, ...]
    failed: tuple[FailedSetting, ...]
    comparisons: tuple[Comparison, ...]
    places: tuple[ComparedPlace, ...] = ()
