"""Networks from a table of reaches."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import DataError, LeachSimError, Problems, ScenarioError
from sim.network import network_from_table

IDS = ["main 2", "source b", "main 1", "source a"]
DOWN = ["", "main 1", "main 2", "main 1"]


def test_rows_are_sorted_downstream_and_columns_follow() -> None:
    length = np.array([400.0, 200.0, 300.0, 100.0])
    network, row = network_from_table(
        IDS, DOWN, length, [0.01] * 4, area=[9e6, 2e6, 6e6, 3e6], x=[0.0, 1.0, 2.0, 3.0], crs_wkt="EPSG:32647"
    )
    assert network.name == tuple(IDS[k] for k in row)
    np.testing.assert_array_equal(network.length, length[row])
    assert [network.name[d] if d >= 0 else "" for d in network.down] == [DOWN[k] for k in row]
    assert network.name[-2:] == ("main 1", "main 2")
    np.testing.assert_allclose(network.area_in, [0.0, 0.0, 5e6, 6e6])
    assert len(set(network.reach.tolist())) == 3
    assert network.reach[-1] == network.reach[-2]
    assert network.cell.tolist() == [-1] * 4
    assert np.isnan(network.y).all()
    np.testing.assert_array_equal(network.x, np.arange(4.0)[row])


def test_order_of_rows_does_not_change_the_network_of_a_line() -> None:
    ids = [f"r{i}" for i in range(30)]
    down = [*ids[1:], ""]
    shuffle = np.random.default_rng(5).permutation(30)
    network, row = network_from_table([ids[k] for k in shuffle], [down[k] for k in shuffle], 1.0 + shuffle, [0.1] * 30)
    assert network.name == tuple(ids)
    np.testing.assert_array_equal(network.length, 1.0 + np.arange(30))
    np.testing.assert_array_equal(shuffle[row], np.arange(30))


def test_areas_at_both_ends() -> None:
    network, _ = network_from_table(["a"], [""], [1.0], [0.1], area=[5.0], area_in=[4.0])
    assert (network.area_in[0], network.area[0]) == (4.0, 5.0)
    without, _ = network_from_table(["a", "b"], ["b", ""], [1.0, 1.0], [0.1, 0.1])
    assert without.area.tolist() == [0.0, 0.0]


def failing(*args: object, **more: object) -> LeachSimError:
    with pytest.raises(LeachSimError) as error:
        network_from_table(*args, where="reaches.csv", **more)  # type: ignore[arg-type]
    return error.value


def test_circle_is_shown() -> None:
    error = failing(["a", "b", "c", "d"], ["b", "c", "b", ""], [1.0] * 4, [0.1] * 4)
    assert isinstance(error, DataError)
    assert error.number == 315
    assert error.got == "'b' -> 'c' -> 'b'"
    itself = failing(["a"], ["a"], [1.0], [0.1])
    assert itself.got == "'a' -> 'a'"
    ring = [f"r{i}" for i in range(20)]
    long = failing(ring, [*ring[1:], ring[0]], [1.0] * 20, [0.1] * 20)
    assert long.got == "'r0' -> 'r1' -> 'r2' -> 'r3' -> 'r4' -> 'r5' -> ... -> 'r0'"


def test_each_mistake_has_its_number() -> None:
    assert isinstance(failing(["a", "a"], ["", ""], [1.0] * 2, [0.1] * 2), ScenarioError)
    assert failing(["a", "a"], ["", ""], [1.0] * 2, [0.1] * 2).number == 208
    unknown = failing(["a"], ["z"], [1.0], [0.1])
    assert unknown.number == 308
    assert unknown.where == "reaches.csv: row 1 ('a'), downstream"
    assert unknown.got == "'z'"
    assert failing(["a"], [""], [0.0], [0.1]).where == "reaches.csv: row 1 ('a'), length"
    assert failing(["a"], [""], [1.0], [float("nan")]).where == "reaches.csv: row 1 ('a'), slope"
    assert failing(["a"], [""], [1.0], [0.1], area=[-2.0]).got == "-2"
    assert failing([""], [""], [1.0], [0.1]).got == "an empty identifier"
    assert failing([], [], [], []).got == "no rows"
    shrinking = failing(["a", "b"], ["b", ""], [1.0] * 2, [0.1] * 2, area=[5.0, 4.0])
    assert shrinking.number == 308
    assert "'b'" in shrinking.where


def test_all_mistakes_at_once_in_row_order() -> None:
    error = failing(["a", "b", "a"], ["z", "", ""], [1.0, -1.0, 1.0], [0.1] * 3)
    assert isinstance(error, Problems)
    assert [problem.number for problem in error.problems] == [308, 308, 208]
    with pytest.raises(ValueError, match="downstream identifiers"):
        network_from_table(["a"], [], [1.0], [0.1])
