"""Hillslopes that spread a site's load: from the cells of the sites to the nodes of the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from sim.network.objects import RiverNetwork, Snapped
    from sim.pipeline.network_stage import Built
    from sim.scenario.models import TerrainScenario
    from sim.sources.objects import Entries
    from sim.terrain import Delivery
    from sim.terrain.objects import Terrain

#: A node starts at every channel cell that receives this share of a site. A river that receives less of it counts as
#: untouched, its share as part of the site's main one: with trickles, every stream around would count as downstream.
LEAST_SHARE = 0.01


def deliver(scenario: TerrainScenario, terrain: Terrain, channel: BoolArray, cells: IntArray) -> Delivery | None:
    """Return the channel cells each site's load reaches; None when it runs down one path."""
    from sim.terrain import delivery

    method = scenario.terrain.hillslope_routing
    return None if method == "d8" else delivery(terrain, cells, channel, method)


def break_cells(delivered: Delivery) -> IntArray:
    """Return the channel cells at which a node must start: where large shares and each site's largest one enter."""
    inside = np.flatnonzero(delivered.in_channel)
    largest = _largest_rows(delivered.source, delivered.share, inside)
    large = inside[delivered.share[inside] >= LEAST_SHARE]
    return np.unique(delivered.cell[np.concatenate([largest, large])])


def enter(
    terrain: Terrain, network: RiverNetwork, node_of: IntArray, delivered: Delivery, cells: IntArray
) -> tuple[Entries, Snapped]:
    """Return the nodes each site's load enters, and the main entry of each site.

    `node_of` (ncell,) is the node of every channel cell, `cells` (k,) are those of the sites.
    """
    from sim.network.objects import Snapped

    node = np.where(delivered.in_channel, node_of[delivered.cell], -1)
    main = _main_nodes(_grouped(delivered.source, node, delivered), cells.size)
    joined = _without_trickles(network, node, main, delivered)
    entries = _grouped(delivered.source, joined, delivered)

    # of the cells where the main share enters or, without a river, ends, the one with most of it
    own = np.flatnonzero(node == main[delivered.source])
    end = delivered.cell[_largest_rows(delivered.source, delivered.share, own)]
    height = terrain.conditioned.ravel()
    snapped = Snapped(
        node=main,
        path_length=entries.path_length[entries.node == main[entries.site]],
        fall=height[cells].astype(np.float64) - height[end].astype(np.float64),
        cell=np.where(main >= 0, end, -1),
        start_cell=cells,
    )
    return entries, snapped


def _largest_rows(group: IntArray, share: FloatArray, rows: IntArray) -> IntArray:
    """Of the given rows, the one with the largest share of each group that has any; the last among equals."""
    ranked = rows[np.lexsort((share[rows], group[rows]))]
    return ranked[np.flatnonzero(np.diff(group[ranked], append=-1))]


def _main_nodes(entries: Entries, sites: int) -> IntArray:
    """(sites,) node with the largest share of each site, -1 where none meets a river."""
    rows = _largest_rows(entries.site, entries.share, np.flatnonzero(entries.node >= 0))
    main = np.full(sites, -1, dtype=np.int64)
    main[entries.site[rows]] = entries.node[rows]
    return main


def _without_trickles(network: RiverNetwork, node: IntArray, main: IntArray, delivered: Delivery) -> IntArray:
    """Node of every row, the site's main one in rivers that receive less than `LEAST_SHARE` of it."""
    site, river = delivered.source, np.where(node >= 0, network.reach[node], -1)
    _, pair = np.unique(np.stack([site, river]), axis=1, return_inverse=True)
    of_river = np.bincount(pair.ravel(), delivered.share)[pair.ravel()]
    return np.where((node >= 0) & (of_river < LEAST_SHARE), main[site], node)


def _grouped(site: IntArray, node: IntArray, delivered: Delivery) -> Entries:
    """One row for each pair of site and node, path lengths averaged by share."""
    from sim.sources.objects import Entries

    pairs, row = np.unique(np.stack([site, node]), axis=1, return_inverse=True)
    share = np.bincount(row.ravel(), delivered.share).astype(np.float64)
    length = np.bincount(row.ravel(), delivered.share * delivered.path_length) / share
    return Entries(pairs[0], pairs[1], share, length)


def entry_notes(scenario: TerrainScenario, built: Built) -> tuple[str, ...]:
    """Return where spread loads enter, and what part of them meets no river."""
    entries = built.entries
    if entries is None or not entries.sites:
        return ()
    inside = entries.node >= 0
    places = np.bincount(entries.site[inside], minlength=entries.sites)
    lost = float(entries.share[~inside].sum()) / entries.sites
    return (
        f"Hillslopes spread loads (terrain.hillslope_routing = {scenario.terrain.hillslope_routing}): a site's load "
        f"enters the rivers at {places.min()} to {places.max()} places (median {np.median(places):g}); on maps and in "
        f"tables a site stands at the place with its largest share. {100.0 * lost:.2g} % of what the sites send down "
        "meets no river here.",
    )
