"""Codes of flow directions and small tables over masks of neighbours, shared by the terrain kernels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: codes 0..7 are directions; the low four bits of a byte hold the code
EDGE = 8
NODATA = 9
KEPT = 10
PIT = 11
FLAT = 12
QUEUED = 13
INVALID = 15
#: bit of a code byte: basins may be joined over this cell
MEETING = 128

Bytes = npt.NDArray[np.uint8]


def _pieces(mask: int) -> list[int]:
    """Pieces into which the neighbours in `mask` fall: for each neighbour the first of its piece, 8 where not in it.

    Neighbours that touch at a side or a corner belong together: k and k + 1 always, and across the corners the four
    at the sides, k and k + 2 for even k.
    """
    piece = [k if mask >> k & 1 else 8 for k in range(8)]
    for _ in range(8):
        for k in range(8):
            steps = (1, 2) if k % 2 == 0 else (1,)
            for step in steps:
                other = (k + step) % 8
                if piece[k] < 8 and piece[other] < 8:
                    piece[k] = piece[other] = min(piece[k], piece[other])
    return piece


def _tables() -> tuple[Bytes, Bytes, Bytes]:
    count = np.zeros(256, dtype=np.uint8)
    first = np.full((256, 4), 8, dtype=np.uint8)
    member = np.full((256, 8), 8, dtype=np.uint8)
    for mask in range(256):
        piece = _pieces(mask)
        firsts = sorted(set(piece) - {8})
        count[mask] = len(firsts)
        first[mask, : len(firsts)] = firsts
        member[mask] = piece
    return count, first, member


#: by mask of lower neighbours: number of pieces, first neighbour of each piece, first neighbour of a neighbour's piece
COMPONENTS, FIRSTS, MEMBER = _tables()
