"""Unsteady transport on a river network: implicit finite volumes on the tree, second order, monotone on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.arrays import IntArray
from sim.chemistry.objects import Reactions
from sim.errors import ScenarioError
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.transport.assembly import Setup, entry_nodes, make_setup
from sim.transport.blocks import SCHEMES, Scheme
from sim.transport.inputs import Channel, Initial, Inputs, Rates, inputs_of, rates_of
from sim.transport.marching import Run
from sim.transport.mesh import Mesh, build_mesh, cells_per_reach
from sim.transport.schedule import segments
from sim.transport.solution import Checkpoint, Solution
from sim.transport.water import Water, check_water, water_of


def unsteady(
    network: RiverNetwork,
    flow: Flow | Water,
    load: Load | Inputs,
    reactions: Reactions | Rates | None = None,
    *,
    step: float,
    channel: Channel | None = None,
    points: Sequence[int | tuple[int, float]] = (),
    times: npt.ArrayLike = (),
    initial: Literal["clean", "steady"] | Initial = "clean",
    scheme: Scheme = "monotone",
    mesh: Mesh | None = None,
    threads: int = 1,
    ledger_steps: int = 1000,
    damped: bool = True,
    resume: Checkpoint | None = None,
    checkpoint: Callable[[Checkpoint], None] | None = None,
) -> Solution:
    """Concentrations in time on a river network with dispersion, storage zones, sorption and first-order loss.

    In the channel, the storage zone and the bed (A cross-section, Q discharge, q_in and q_out per metre)

        (A C)_t + rho Kd_e A C_t = -(Q C)_x + (A D C_x)_x + q_in C_L - q_out C + alpha A (S - C) - lambda A C
                                   + rho lambda_h A (P - Kd C) + k_g A (C_eq - C)
        S_t = alpha (A/A2)(C - S) - lambda_2 S,      P_t = lambda_h (Kd C - P),      A_t + Q_x = q_in - q_out

    Finite volumes on the tree; trapezoidal in time, C at faces weighted by A D / dx; one elimination from leaf to root
    and one substitution back a step. "monotone" blends these fluxes with those of implicit upwinding so that nothing
    passes the extremes around it at any Courant number; "second-order" does not; "upwind" is implicit Euler with
    upwind fluxes alone (mixed reaches).

    Parameters
    ----------
    network : RiverNetwork of n reaches; its links are diversions
    flow : Flow of steady periods, or Water whose volumes change
    load : Load, or Inputs
    reactions : Reactions, or Rates; none by default
    step : s, longest time step
    channel : Channel; without dispersion and storage by default
    points : reaches (their downstream end) or (reach, distance in m from its upstream end) to follow
    times : s, when to keep the whole state
    initial : "clean", "steady" for what enters first, or a state
    scheme : "monotone", "second-order" or "upwind"
    mesh : Mesh; by default reaches are split for Courant number 1 and Peclet number 2
    threads : blocks of columns run side by side; the result has the same bytes for any number
    ledger_steps : longest interval of the ledger, in steps
    damped : take the steps after a jump of a series, and after the start, as two implicit Euler steps of half the
        length; without them a jump rings on in the second-order scheme

    resume : Checkpoint of an interrupted run, to go on with it; all other arguments as they were
    checkpoint : called with a Checkpoint after every `ledger_steps` steps and at the ends of periods

    Returns
    -------
    Solution, the same bytes whether a run was interrupted or not

    Raises
    ------
    ScenarioError
        LS-204 and LS-209 for values that cannot be, with the reach.
    BalanceError
        LS-401 when mass, LS-402 when water does not add up.

    References
    ----------
    Bencala & Walters 1983, doi 10.1029/WR019i003p00718 (storage zones); Runkel 1998, USGS WRIR 98-4018 (equations);
    Hines 1984, doi 10.1016/0020-7101(84)90008-4 (elimination); Zalesak 1979, doi 10.1016/0021-9991(79)90051-2.

    Examples
    --------
    >>> import numpy as np
    >>> from sim.network import network_from_table
    >>> from sim.transport import Inputs, Series, route_water, unsteady
    >>> river, _ = network_from_table(["a"], [""], [1000.0], [0.01])
    >>> inputs = Inputs(("salt",), series=(Series(0, "inflow", [0.0], [3.0]),))
    >>> found = unsteady(river, route_water(river, head=2.0, volume=4000.0, time_edges=[0, 9000]), inputs, step=60.0)
    >>> round(float(found.final_channel[-1, 0]), 3)
    3.0
    """
    setup = prepare_setup(network, flow, load, reactions, step=step, channel=channel, mesh=mesh)
    if scheme not in SCHEMES:
        raise ValueError(f"scheme must be one of {', '.join(SCHEMES)}")
    if threads < 1 or ledger_steps < 1:
        raise ValueError("threads and ledger_steps must be at least 1")
    wanted = np.unique(np.asarray(times, dtype=np.float64).ravel())
    plan = segments(
        setup.water.time_edges,
        setup.inputs,
        step,
        wanted,
        euler=scheme == "upwind",
        most=ledger_steps,
        damped=damped,
    )
    run = Run(setup, scheme, [place_of(network, p) for p in points], threads)
    return run.march(plan, wanted, initial, resume, checkpoint)


def prepare_setup(
    network: RiverNetwork,
    flow: Flow | Water,
    load: Load | Inputs,
    reactions: Reactions | Rates | None,
    *,
    step: float,
    channel: Channel | None,
    mesh: Mesh | None,
) -> Setup:
    """Turn the arguments of `unsteady` into a Setup."""
    water = water_of(network, flow) if isinstance(flow, Flow) else flow
    if water.discharge_in.shape[1] != network.size or water.diverted.shape[1] != len(network.link_from):
        raise ValueError(f"water has {water.discharge_in.shape[1]} reaches, the network {network.size}")
    check_water(network, water)
    inputs = inputs_of(network, load, water.time_edges) if isinstance(load, Load) else load
    rates = rates_of(reactions) if isinstance(reactions, Reactions) else reactions or Rates()
    shape = channel or Channel()
    if mesh is None:
        pool = np.broadcast_to(np.asarray(shape.reservoir, dtype=np.bool_), (network.size,))
        mesh = build_mesh(
            network, _cells(network, water, shape, step), reservoir=pool, entries=entry_nodes(inputs, water, network)
        )
    return make_setup(network, mesh, water, inputs, shape, rates)


def _cells(network: RiverNetwork, water: Water, channel: Channel, step: float) -> IntArray:
    """Cells of every reach for its mean velocity over the run."""
    mean = 0.5 * (water.discharge_in + water.discharge_out).mean(axis=0)
    velocity = network.length * mean / water.volume.mean(axis=0)
    dispersion = np.broadcast_to(np.asarray(channel.dispersion, dtype=np.float64), (network.size,))
    return cells_per_reach(network.length, velocity, dispersion, step=step)


def place_of(network: RiverNetwork, point: int | tuple[int, float]) -> tuple[int, float]:
    """Reach and distance from its upstream end; a reach alone means its downstream end."""
    node = point if isinstance(point, int) else point[0]
    if not 0 <= node < network.size:
        raise ScenarioError(
            209, "points", got=str(node), expected=f"Must be a reach, 0 to {network.size - 1}",
            remedy="Ask for reaches of the network",
        )  # fmt: skip
    return (node, float(network.length[node])) if isinstance(point, int) else (node, float(point[1]))
