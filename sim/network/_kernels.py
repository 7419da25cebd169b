"""Loops over cells and nodes; every receiver stands after its donors in `order`."""

from __future__ import annotations

import math

from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def step(c, r, ncol, dx, dy):  # type: ignore[no-untyped-def]
    """Distance (m) between the centres of cells c and r."""
    di = c // ncol - r // ncol
    dj = c % ncol - r % ncol
    return math.sqrt((dj * dx) ** 2 + (di * dy) ** 2)


@njit(cache=True, nogil=True, error_model="numpy")
def add_downstream(receiver, start, amount, out):  # type: ignore[no-untyped-def]
    """Add each amount (k,) to its start cell (k,) and every cell below it; out (ncell,).

    Path by path, so that sums round the same whatever order the cells of the terrain are listed in.
    """
    for k in range(start.size):
        c = start[k]
        while c >= 0:
            out[c] += amount[k]
            c = receiver[c]


@njit(cache=True, nogil=True, error_model="numpy")
def trace(receiver, goal, start, ncol, dx, dy, out_cell, out_last, out_length):  # type: ignore[no-untyped-def]
    """Follow the receivers from each start to the first goal cell.

    receiver, goal (ncell,); start (p,). out_cell (p,): goal cell or -1; out_last (p,): last cell on the path;
    out_length (p,) m.
    """
    for k in range(start.size):
        c = start[k]
        length = 0.0
        while not goal[c] and receiver[c] >= 0:
            r = receiver[c]
            length += step(c, r, ncol, dx, dy)
            c = r
        out_last[k] = c
        out_cell[k] = c if goal[c] else -1
        out_length[k] = length


@njit(cache=True, nogil=True, error_model="numpy")
def outlets_below(order, receiver, ncol, dx, dy, out_outlet, out_length):  # type: ignore[no-untyped-def]
    """Outlet every cell drains to, and the length (m) of its flow path; both (ncell,), untouched where not valid.

    Runs against the order: a receiver is settled before its donors.
    """
    for k in range(order.size - 1, -1, -1):
        c = order[k]
        r = receiver[c]
        if r < 0:
            out_outlet[c] = c
            out_length[c] = 0.0
        else:
            out_outlet[c] = out_outlet[r]
            out_length[c] = out_length[r] + step(c, r, ncol, dx, dy)


@njit(cache=True, nogil=True, error_model="numpy")
def upstream_mask(order, receiver, out_mask):  # type: ignore[no-untyped-def]
    """Mark every cell that drains through a marked one; out_mask (ncell,) bool holds the goals on entry.

    Runs against the order: a receiver is settled before its donors.
    """
    for k in range(order.size - 1, -1, -1):
        c = order[k]
        r = receiver[c]
        if r >= 0 and out_mask[r]:
            out_mask[c] = True


@njit(cache=True, nogil=True, error_model="numpy")
def spread_upstream(order, receiver, out_value):  # type: ignore[no-untyped-def]
    """Give every cell without a value (-1) that of its receiver.

    out_value (ncell,) int64 holds the values of channel cells on entry.
    """
    for k in range(order.size - 1, -1, -1):
        c = order[k]
        if out_value[c] < 0 and receiver[c] >= 0:
            out_value[c] = out_value[receiver[c]]


@njit(cache=True, nogil=True, error_model="numpy")
def channel_donors(channel_order, receiver, channel, out_donors):  # type: ignore[no-untyped-def]
    """Count the channel donors of channel cells; returns (0, -1), or (1, c) for a channel that ends on a hillslope.

    channel_order (m,): channel cells upstream first; out_donors (ncell,) int8, zeros on entry.
    """
    for c in channel_order:
        r = receiver[c]
        if r >= 0:
            if not channel[r]:
                return 1, c
            out_donors[r] += 1
    return 0, -1


@njit(cache=True, nogil=True, error_model="numpy")
def cut_channels(channel_order, receiver, ncol, dx, dy, sinuosity, max_length, out_start, out_run):  # type: ignore[no-untyped-def]
    """Cut channels into segments of at most max_length.

    A cell starts a segment when it is marked in out_start (ncell,) or when the segment with the cell's own step
    would be longer than max_length. out_run (ncell,) m: distance from the segment's start, zeros on entry.
    Segments of one cell may be longer than max_length: nothing shorter exists on the raster.
    """
    half = 0.5 * math.sqrt(dx * dy) * sinuosity
    for c in channel_order:
        r = receiver[c]
        own = half if r < 0 else step(c, r, ncol, dx, dy) * sinuosity
        if not out_start[c] and out_run[c] + own > max_length:
            out_start[c] = True
        if out_start[c]:
            out_run[c] = 0.0
        if r >= 0 and not out_start[r]:
            out_run[r] = out_run[c] + own


@njit(cache=True, nogil=True, error_model="numpy")
def assign_nodes(channel_order, receiver, start, out_node, out_last):  # type: ignore[no-untyped-def]
    """Carry each segment's number down its cells.

    out_node (ncell,) int64 holds the number at start cells on entry; out_last (n,) receives the last cell of each node.
    """
    for c in channel_order:
        i = out_node[c]
        out_last[i] = c
        r = receiver[c]
        if r >= 0 and not start[r]:
            out_node[r] = i


@njit(cache=True, nogil=True, error_model="numpy")
def list_channel_cells(channel_order, node, run, channel_start, out_next, out_cell, out_distance):  # type: ignore[no-untyped-def]
    """Write channel cells node after node, downstream order inside a node.

    channel_start (n + 1,); out_next (n,) scratch, a copy of channel_start[:-1] on entry; out_cell, out_distance (m,).
    """
    for c in channel_order:
        k = out_next[node[c]]
        out_next[node[c]] = k + 1
        out_cell[k] = c
        out_distance[k] = run[c]


@njit(cache=True, nogil=True, error_model="numpy")
def subtree_positions(down, out_size, out_cursor, out_position):  # type: ignore[no-untyped-def]
    """Number the nodes of a forest so that every subtree is an unbroken run that ends with its root.

    down (n,): any topological numbering (down[i] == -1 or down[i] > i). Among the donors of a node the one with the
    highest number comes last, next to the node. out_size (n,) ones on entry; out_cursor (n,) scratch;
    out_position (n,): new number of each node.
    """
    n = down.size
    for i in range(n):
        if down[i] >= 0:
            out_size[down[i]] += out_size[i]
    free = n - 1
    for i in range(n - 1, -1, -1):
        d = down[i]
        if d < 0:
            out_position[i] = free
            free -= out_size[i]
        else:
            out_position[i] = out_cursor[d]
            out_cursor[d] -= out_size[i]
        out_cursor[i] = out_position[i] - 1


@njit(cache=True, nogil=True, error_model="numpy")
def number_reaches(down, donors, out_reach):  # type: ignore[no-untyped-def]
    """Number the runs of nodes between heads and confluences; donors (n,): number of donors of each node.

    out_reach (n,) int64. Returns the number of reaches.
    """
    for i in range(down.size):
        out_reach[i] = -1
    count = 0
    for i in range(down.size):
        if out_reach[i] < 0:
            out_reach[i] = count
            count += 1
        d = down[i]
        if d >= 0 and donors[d] == 1:
            out_reach[d] = out_reach[i]
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def main_donors(down, area, out_main):  # type: ignore[no-untyped-def]
    """Donor with the largest drainage area of each node (n,), -1 at heads; the lower number wins a tie."""
    for i in range(down.size):
        out_main[i] = -1
    for i in range(down.size):
        d = down[i]
        if d >= 0 and (out_main[d] < 0 or area[i] > area[out_main[d]]):
            out_main[d] = i


@njit(cache=True, nogil=True, error_model="numpy")
def interval_slopes(down, main, length, top, bottom, least_fall, longest, out_slope):  # type: ignore[no-untyped-def]
    """Slope over the shortest stretch about each node that falls by at least `least_fall`.

    The stretch starts as the node itself and grows by whole nodes, up the main stem or down, on the side where it
    reaches less far, until it falls by least_fall, is `longest` metres long or ends at both sides.
    S_i = (z_top - z_bottom) / L of the stretch.
    """
    for i in range(down.size):
        up, low = i, i
        above, below = 0.0, 0.0
        while top[up] - bottom[low] < least_fall and above + below + length[i] < longest:
            can_up = main[up] >= 0
            can_down = down[low] >= 0
            if not can_up and not can_down:
                break
            if can_up and (not can_down or above < below):
                up = main[up]
                above += length[up]
            else:
                low = down[low]
                below += length[low]
        out_slope[i] = (top[up] - bottom[low]) / (above + below + length[i])


@njit(cache=True, nogil=True, error_model="numpy")
def mean_positions(order, node, x, y, ncol, out_count, out_x, out_y):  # type: ignore[no-untyped-def]
    """Mean centre of the cells of each node; x (ncol,), y (nrow,) m; outputs (n,) zeros on entry.

    A running mean keeps seven-digit coordinates free of cancellation.
    """
    for c in order:
        i = node[c]
        if i >= 0:
            out_count[i] += 1
            out_x[i] += (x[c % ncol] - out_x[i]) / out_count[i]
            out_y[i] += (y[c // ncol] - out_y[i]) / out_count[i]
