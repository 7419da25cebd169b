"""Hypothesis strategies for flow paths and networks; importing this module needs hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from sim.network.objects import RiverNetwork
from sim.terrain.objects import Terrain
from sim.testing.networks import random_network, random_terrain


@st.composite
def terrains(draw: st.DrawFn, largest: int = 14) -> Terrain:
    """Random trees of flow paths on rasters of up to `largest` rows and columns, cells square or not, with holes."""
    return random_terrain(
        np.random.default_rng(draw(st.integers(0, 2**32 - 1))),
        draw(st.integers(1, largest)),
        draw(st.integers(2, largest)),
        outlets=draw(st.integers(1, 3)),
        cell_width=draw(st.sampled_from([100.0, 450.0, 37.3])),
        cell_height=draw(st.sampled_from([100.0, 450.0, 81.7])),
        invalid_share=draw(st.sampled_from([0.0, 0.15])),
        steepest=draw(st.sampled_from([0.5, 20.0])),
    )


@st.composite
def networks(draw: st.DrawFn, largest: int = 60) -> RiverNetwork:
    """Random river networks of up to `largest` nodes, from one long river to a bush, with and without inflows."""
    n = draw(st.integers(1, largest))
    return random_network(
        np.random.default_rng(draw(st.integers(0, 2**32 - 1))),
        n,
        outlets=draw(st.integers(1, min(3, n))),
        branching=draw(st.sampled_from([0.0, 0.3, 1.0])),
        boundary_share=draw(st.sampled_from([0.0, 0.5])),
    )
