"""Records that the kernels of unsteady transport take: NamedTuples of arrays, which cost nothing at run time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Factors(NamedTuple):
    """What `prepare` gives, (n, m) or (n, 1) where all columns share it, stores (k, n, m or 1); and the faces.

    discharge, beta : (n,) m3/s, F = Q X_i + beta (X_i - X_j)
    junction : (j,) rows without volume, rising
    """

    down: np.ndarray
    discharge: np.ndarray
    beta: np.ndarray
    junction: np.ndarray
    inverse: np.ndarray
    carry: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    store_carry: np.ndarray
    keep: np.ndarray
    take: np.ndarray
    give: np.ndarray
    back: np.ndarray


class March(NamedTuple):
    """What happens over the steps of one call.

    weight, duration : (steps,) 1/theta and s
    source_row, source : (r,), (r, m) kg/s into rows at all times
    entry_row, entry_rate : (e,), (steps, e, m) kg/s into single rows
    tap_row, tap_flow, tap_line : (p,) rows whose X leaves with tap_flow m3/s, and the line it is counted on
    point_start, point_row, point_share : points as weighted sums of rows, for output
    link_from, link_to, link_discharge, gain : (k,), (k,), (k,) m3/s, (k, n + 1, m) as `link_gain` gives
    decay, gas : (n, m) m3/s; (0, m) for none
    store_loss : (k, n, m) m3/s; (0, n, m) for none
    """

    weight: np.ndarray
    duration: np.ndarray
    source_row: np.ndarray
    source: np.ndarray
    entry_row: np.ndarray
    entry_rate: np.ndarray
    tap_row: np.ndarray
    tap_flow: np.ndarray
    tap_line: np.ndarray
    point_start: np.ndarray
    point_row: np.ndarray
    point_share: np.ndarray
    link_from: np.ndarray
    link_to: np.ndarray
    link_discharge: np.ndarray
    gain: np.ndarray
    decay: np.ndarray
    gas: np.ndarray
    store_loss: np.ndarray


class Rows(NamedTuple):
    """One period of constant discharge.

    down, target : (n,) receiver in the matrix; receiving cell, junctions skipped, n at outlets, -1 for junctions
    discharge, upwind, central : (n,) m3/s, of the downstream face, and beta of the two schemes
    fixed, leaving : (n,) m3/s, what else leaves a row; the part of it that leaves the network, outlets included
    volume_before, volume_after : (n,) m3 at the ends of the period
    sorbed, loss : (n, m) m3, m3/s
    store_volume, store_exchange, store_loss : (k, n, m) m3, m3/s, m3/s
    inflow_most, inflow_least : (n, m) kg/m3, extremes of the water that enters from outside; -inf, inf where none
    entry_flow : (e,) m3/s, water that carries what a series enters; 0 for loads
    link_from, link_to, link_target : (k,) rows; link_discharge : (k,) m3/s
    """

    down: np.ndarray
    target: np.ndarray
    discharge: np.ndarray
    upwind: np.ndarray
    central: np.ndarray
    fixed: np.ndarray
    leaving: np.ndarray
    volume_before: np.ndarray
    volume_after: np.ndarray
    sorbed: np.ndarray
    loss: np.ndarray
    store_volume: np.ndarray
    store_exchange: np.ndarray
    store_loss: np.ndarray
    inflow_most: np.ndarray
    inflow_least: np.ndarray
    entry_flow: np.ndarray
    link_from: np.ndarray
    link_to: np.ndarray
    link_target: np.ndarray
    link_discharge: np.ndarray


class Pair(NamedTuple):
    """Work arrays of one of the two solutions (upwind or second order)."""

    pivots: np.ndarray
    rights: np.ndarray
    inverse: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    x: np.ndarray
    keep: np.ndarray
    take: np.ndarray
