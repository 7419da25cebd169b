"""Which threshold is exceeded most, by how much, and how much of that is there without pits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.arrays import FloatArray

if TYPE_CHECKING:
    from sim.exposure.objects import Exposure
    from sim.pipeline.result import Result


class Worst(NamedTuple):
    """Worst threshold of k places: identifier ("" where nothing is found), largest quotient of any period, and the
    largest of the same threshold without what comes from pits; (k,) each.
    """

    threshold: tuple[str, ...]
    quotient: FloatArray
    without_pits: FloatArray


def worst_on_nodes(exposure: Exposure) -> Worst:
    """Worst threshold of every node, at the worse of its two ends, (n,)."""
    return _worst(exposure, exposure.quotient, exposure.background_quotient)


def quotients_at_receptors(result: Result) -> tuple[FloatArray, FloatArray]:
    """(h, t, r) quotients at the receptors, with and without pits; nan where a receptor has no node.

    A receptor lies at its node's upstream end, while `Exposure.quotient` is the worse of both ends.
    """
    exposure, c = result.exposure, result.concentration
    assert exposure is not None
    node = exposure.receptors.node
    place = np.maximum(node, 0)
    shape = (len(exposure.thresholds), c.inlet.shape[0], node.size)
    total, without = np.empty(shape), np.empty(shape)
    for h, threshold in enumerate(exposure.thresholds):
        s = c.index(threshold.substance)
        share = c.dissolved_fraction[:, s, place] if threshold.fraction == "dissolved" else 1.0
        inlet, pits = c.inlet[:, s, place], c.pit_inlet[:, s, place]
        total[h] = np.where(node >= 0, share * inlet / threshold.value, np.nan)
        without[h] = np.where(node >= 0, share * np.maximum(inlet - pits, 0.0) / threshold.value, np.nan)
    return total, without


def worst_at_receptors(result: Result) -> Worst:
    """Worst threshold at every receptor, (r,); "" and nan where it has no node."""
    exposure = result.exposure
    assert exposure is not None
    return _worst(exposure, *quotients_at_receptors(result))


def _worst(exposure: Exposure, quotient: FloatArray, without: FloatArray) -> Worst:
    places = quotient.shape[2]
    if not exposure.thresholds:
        return Worst(("",) * places, np.full(places, np.nan), np.full(places, np.nan))
    largest, largest_without = quotient.max(axis=1), without.max(axis=1)
    which, column = np.argmax(largest, axis=0), np.arange(places)
    worst = largest[which, column]
    names = tuple(exposure.thresholds[h].identifier if q > 0.0 else "" for h, q in zip(which, worst, strict=True))
    return Worst(names, worst, largest_without[which, column])


def distance_kinds(exposure: Exposure) -> tuple[str, ...]:
    """How each receptor's distance to the river was measured, "" where that is not known; (r,)."""
    return exposure.receptors.distance_is or ("",) * exposure.receptors.size
