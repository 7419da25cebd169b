"""A RiverNetwork from a table of reaches, without a terrain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sim.arrays import FloatArray, IntArray, frozen
from sim.errors import DataError, LeachSimError, Problems, ScenarioError
from sim.network.numbering import canonical_positions, reaches
from sim.network.objects import RiverNetwork


def network_from_table(
    ids: Sequence[str],
    downstream: Sequence[str],
    length: npt.ArrayLike,
    slope: npt.ArrayLike,
    *,
    area: npt.ArrayLike | None = None,
    area_in: npt.ArrayLike | None = None,
    x: npt.ArrayLike | None = None,
    y: npt.ArrayLike | None = None,
    elevation: npt.ArrayLike | None = None,
    crs_wkt: str = "",
    where: str = "reaches",
) -> tuple[RiverNetwork, IntArray]:
    """Order a table of reaches from upstream to downstream.

    Every row becomes one node, named by its identifier.

    Parameters
    ----------
    ids : n distinct labels
    downstream : n labels of the receiving reach, "" at an outlet
    length : (n,) m, > 0
    slope : (n,) 1, > 0
    area : (n,) m2, drainage area at the downstream end; 0 where not given
    area_in : (n,) m2, drainage area at the upstream end; by default the sum of `area` over the donors
    x, y : (n,) m, upstream ends; nan where not given
    elevation : (n,) m; nan where not given
    crs_wkt : str
    where : str, place used in errors

    Returns
    -------
    RiverNetwork, and (n,) int64 row of the table that became each node: ``column[row]`` sorts any column.

    Raises
    ------
    LeachSimError
        LS-208 an identifier stands twice, LS-308 a bad value or an unknown downstream identifier, LS-315 the reaches
        run in a circle; several at once as `Problems`.

    Examples
    --------
    >>> network, row = network_from_table(["mouth", "source"], ["", "mouth"], [500.0, 800.0], [0.01, 0.02])
    >>> network.name, row.tolist(), network.down.tolist()
    (('source', 'mouth'), [1, 0], [1, -1])
    """
    n = len(ids)
    real = {"length": _column(length, n, "length"), "slope": _column(slope, n, "slope")}
    given_area = _column(np.zeros(n) if area is None else area, n, "area")
    problems = _problems(ids, downstream, real, given_area, where)
    if problems:
        raise problems[0] if len(problems) == 1 else Problems(problems)
    index = {label: k for k, label in enumerate(ids)}
    down = np.array([index[label] if label else -1 for label in downstream], dtype=np.int64)
    order = _topological(down, ids, where)

    # Number in topological order first, then so that subtrees are unbroken runs.
    rank = np.empty(n, dtype=np.int64)
    rank[order] = np.arange(n)
    down_ranked = _renumbered(down, order, rank)
    position = canonical_positions(down_ranked)
    row = np.empty(n, dtype=np.int64)
    row[position] = order
    new = np.empty(n, dtype=np.int64)
    new[row] = np.arange(n)
    down_new = _renumbered(down, row, new)

    end = given_area[row]
    start: FloatArray = np.zeros(n)
    np.add.at(start, down_new[down_new >= 0], end[down_new >= 0])
    if area_in is not None:
        start = _column(area_in, n, "area_in")[row]
    shrinking = np.flatnonzero(~(start <= end * (1.0 + 1e-12)) | ~(start >= 0.0))
    if shrinking.size:
        k = int(shrinking[0])
        raise DataError(
            308,
            f"{where}: {ids[row[k]]!r}",
            got=f"area = {end[k]:g} m2, upstream end {start[k]:g} m2",
            expected="The drainage area must not shrink downstream",
            remedy="Correct the area of this reach or of those above it",
        )
    blank = np.full(n, np.nan)
    network = RiverNetwork(
        down=down_new,
        length=real["length"][row],
        slope=real["slope"][row],
        area_in=np.minimum(start, end),
        area=end,
        boundary_area=np.zeros(n),
        x=blank if x is None else _column(x, n, "x")[row],
        y=blank if y is None else _column(y, n, "y")[row],
        elevation=blank if elevation is None else _column(elevation, n, "elevation")[row],
        reach=reaches(down_new),
        cell=np.full(n, -1, dtype=np.int64),
        channel_cell=np.empty(0, dtype=np.int64),
        channel_start=np.zeros(n + 1, dtype=np.int64),
        channel_distance=np.empty(0),
        link_from=np.empty(0, dtype=np.int64),
        link_to=np.empty(0, dtype=np.int64),
        name=tuple(ids[k] for k in row.tolist()),
        crs_wkt=crs_wkt,
    )
    return network, row


def _column(values: npt.ArrayLike, n: int, name: str) -> FloatArray:
    """One column as (n,) float64."""
    column: FloatArray = frozen(values, np.float64, (n,), name)
    return column


def _renumbered(down: IntArray, old: IntArray, new: IntArray) -> IntArray:
    """Receivers in new numbers: old[new number] = row, new[row] = new number."""
    receiver = down[old]
    return np.where(receiver >= 0, new[receiver], -1)


def _problems(
    ids: Sequence[str], downstream: Sequence[str], positive: dict[str, FloatArray], area: FloatArray, where: str
) -> list[LeachSimError]:
    """Everything wrong with single rows, in row order."""
    if len(downstream) != len(ids):
        raise ValueError(f"{len(downstream)} downstream identifiers for {len(ids)} reaches")
    if not ids:
        return [DataError(308, where, got="no rows", expected="There must be at least one reach", remedy="Add a row")]
    problems: list[LeachSimError] = []
    known: set[str] = set()
    everyone = set(ids)
    for k, (label, receiver) in enumerate(zip(ids, downstream, strict=True)):
        place = f"{where}: row {k + 1}"
        if not label:
            problems.append(
                DataError(308, place, got="an empty identifier", expected="Every reach needs one", remedy="Name it")
            )
        elif label in known:
            problems.append(
                ScenarioError(
                    208,
                    place,
                    got=repr(label),
                    expected="Identifiers of reaches must differ",
                    remedy="Rename one of the two",
                )
            )
        known.add(label)
        if receiver and receiver not in everyone:
            problems.append(
                DataError(
                    308,
                    f"{place} ({label!r}), downstream",
                    got=repr(receiver),
                    expected="It must be the identifier of another reach, or empty at an outlet",
                    remedy="Correct the identifier or add the reach",
                )
            )
        for column, values in positive.items():
            if not (values[k] > 0.0 and np.isfinite(values[k])):
                problems.append(_bad_number(place, label, column, values[k], "It must be positive"))
        if not (area[k] >= 0.0 and np.isfinite(area[k])):
            problems.append(_bad_number(place, label, "area", area[k], "It must not be negative"))
    return problems


def _bad_number(place: str, label: str, column: str, value: float, expected: str) -> DataError:
    return DataError(308, f"{place} ({label!r}), {column}", got=f"{value:g}", expected=expected, remedy="Correct it")


def _topological(down: IntArray, ids: Sequence[str], where: str) -> IntArray:
    """Rows so that every reach stands before its receiver; LS-315 when some run in a circle."""
    waiting = np.bincount(down[down >= 0], minlength=down.size)
    ready = np.flatnonzero(waiting == 0).tolist()
    for row in ready:
        receiver = int(down[row])
        if receiver >= 0:
            waiting[receiver] -= 1
            if waiting[receiver] == 0:
                ready.append(receiver)
    if len(ready) == down.size:
        return np.array(ready, dtype=np.int64)
    row = int(np.setdiff1d(np.arange(down.size), ready)[0])
    # Every row left over drains into a circle; walk until a row comes back.
    seen: list[int] = []
    while row not in seen:
        seen.append(row)
        row = int(down[row])
    circle = [repr(ids[k]) for k in seen[seen.index(row) :]] + [repr(ids[row])]
    shown = circle if len(circle) <= 8 else [*circle[:6], "...", circle[-1]]
    raise DataError(
        315,
        where,
        got=" -> ".join(shown),
        expected="Every reach must lead to an outlet; these run in a circle",
        remedy="Correct the downstream identifier of one of them",
    )
