"""V10: the chloride pulse in Uvas Creek with transient storage, against a Laplace solution and against OTIS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.arrays import FloatArray
from sim.network import network_from_table
from sim.transport import Channel, Inputs, Series, Solution, build_mesh, route_water, unsteady

HOUR = 3600.0
LENGTH = np.array([38.0, 67.0, 176.0, 152.0, 236.0])
AREA = np.array([0.3, 0.42, 0.36, 0.41, 0.52])
LATERAL = np.array([0.0, 0.0, 4.545e-6, 1.974e-6, 2.151e-6])
ZONE = Channel(
    dispersion=np.array([0.12, 0.15, 0.24, 0.31, 0.4]),
    storage_area=np.array([0.05, 0.05, 0.36, 0.41, 1.56]),
    exchange=np.array([0.0, 0.0, 3e-5, 1e-5, 4.5e-5]),
)
PULSE = 11.4 - 3.7


def table(folder: Path, name: str, rows: int) -> FloatArray:
    lines = (folder / "verification" / name).read_text().splitlines()
    kept = [line for line in lines if not line.startswith("#")][1:]
    return np.array([[float(value) for value in line.split(",")] for line in kept])[:rows, :6]


def creek(size: float, step: float, scheme: Any = "second-order") -> Solution:
    """(A C)_t = -(Q C)_x + (A D C_x)_x + q_in C_L + alpha A (S - C), S_t = alpha (A/A2)(C - S)"""
    network, _ = network_from_table(list("abcde"), [*"bcde", ""], LENGTH, [0.01] * 5)
    water = route_water(
        network, head=[0.0125, 0, 0, 0, 0], lateral=LATERAL * LENGTH, volume=AREA * LENGTH,
        time_edges=[8.25 * HOUR, 24.0 * HOUR],
    )  # fmt: skip
    pulse = Series(0, "fixed", np.array([8.25, 8.4, 11.4]) * HOUR, np.array([3.7, 11.4, 3.7]))
    return unsteady(
        network, water, Inputs(("chloride",), lateral=3.7, series=(pulse,)), step=step, channel=ZONE, scheme=scheme,
        points=[0, 1, 2, 3, (4, 186.0)], initial="steady", mesh=build_mesh(network, (LENGTH / size).round()),
    )  # fmt: skip


def error(found: Solution, expected: FloatArray) -> FloatArray:
    return np.asarray(np.abs(found.at(expected[:, 0] * HOUR) - expected[:, 1:]).max(axis=0) / PULSE)


# within 1e-3 of the pulse at dx = 1 m and dt = 9 s, and second order at every probe, which sit on jumps of A D
def test_uvas_creek(shared_reference: Path) -> None:
    expected = table(shared_reference, "ref_uvas_cl.csv", -1)
    coarse, fine = (error(creek(size, 9.0 * size), expected) for size in (1.0, 0.5))
    assert coarse.max() < 1e-3
    np.testing.assert_allclose(np.log2(coarse / fine), 2.0, atol=0.1)


# at OTIS's grid (1 m, 36 s) nearer to the reference than OTIS at every probe
def test_nearer_than_otis(shared_reference: Path) -> None:
    expected = table(shared_reference, "ref_uvas_cl.csv", -1)
    otis = table(shared_reference, "otis_uvas_cl.csv", len(expected))
    theirs = np.abs(otis[:, 1:] - expected[:, 1:]).max(axis=0) / PULSE
    assert np.all(error(creek(1.0, 36.0, "monotone"), expected) < theirs)
    assert np.all(error(creek(1.0, 36.0), expected) < theirs)


# the limiter costs less than a tenth of the error here, keeps all between background and pulse, and closes the ledger
def test_monotone_uvas_creek(shared_reference: Path) -> None:
    expected = table(shared_reference, "ref_uvas_cl.csv", -1)
    linear, limited = creek(1.0, 9.0), creek(1.0, 9.0, "monotone")
    assert np.all(error(limited, expected) < 1.1 * error(linear, expected))
    assert limited.points.min() >= 3.7 * (1.0 - 1e-12)
    assert limited.points.max() <= 11.4 * (1.0 + 1e-12)
    assert limited.ledger.relative_error.max() < 1e-13
    assert max(limited.ledger.cumulative_error[0], linear.ledger.cumulative_error[0]) < 1e-12


# OTIS starts from the steady state of its first boundary value: 3.7 everywhere, nothing in zones without exchange
def test_steady_start() -> None:
    found = creek(1.0, 36.0)
    np.testing.assert_allclose(found.points[0], 3.7, rtol=1e-13)
    assert found.ledger.stored[0, 0] == pytest.approx(
        3.7 * ((AREA * LENGTH).sum() + (np.asarray(ZONE.storage_area) * LENGTH)[2:].sum()), rel=1e-13
    )
