"""Memory and time of a run on a terrain, and the refusal of one that does not fit."""

from __future__ import annotations

from sim.terrain.cost import Cost, Memory, available_memory, estimate, require

#: Beyond conditioning: peak bytes and seconds per terrain cell of a whole run, read off runs of the Kachin scenario on
#: its 15 arc-second raster at 150, 300 and 900 m.
RUN_BYTES_PER_CELL = 140.0
RUN_SECONDS_PER_CELL = 6e-6
RUN_BYTES_FIXED = 200_000_000
RUN_SECONDS_FIXED = 10.0
SECONDS_PER_NODE = 2e-4


def conditioning_cost(cells: int, engine: str) -> Cost:
    """Return what reading and conditioning the terrain will take."""
    return estimate(cells, engine=engine)


def run_cost(cells: int, engine: str, *, nodes: int = 0, field_bytes: int = 0) -> Cost:
    """Return what a whole run will take.

    Parameters
    ----------
    cells : int, cells of the terrain
    engine : "native" or "whitebox"
    nodes : int, nodes of the network
    field_bytes : int, bytes of concentrations and the like
    """
    cost = estimate(
        cells, engine=engine, extra_bytes_per_cell=RUN_BYTES_PER_CELL, extra_seconds_per_cell=RUN_SECONDS_PER_CELL
    )
    memory = RUN_BYTES_FIXED + cost.memory_bytes + field_bytes
    return Cost(cells, memory, RUN_SECONDS_FIXED + cost.seconds + SECONDS_PER_NODE * nodes)


def require_memory(cost: Cost, where: str) -> tuple[Memory, str]:
    """Refuse what does not fit; return the memory found and a sentence where it cannot be told.

    Raises
    ------
    DataError
        LS-311.
    """
    memory = available_memory()
    return memory, require(cost, memory, where=where)
