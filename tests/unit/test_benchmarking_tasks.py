"""What is timed gives right answers, and a wrong one is refused: every task, at its smallest size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.benchmarking import landscapes
from sim.benchmarking.objects import OURS, Entrant, Task, WrongAnswer
from sim.benchmarking.peers._checks import frame_sum
from sim.benchmarking.presets import PRESETS, plan
from sim.benchmarking.references import References, cycle_through, largest_cache, random_visits
from sim.benchmarking.tasks import all_tasks, make_work
from sim.benchmarking.tasks.terrain import require_all_cells, require_heights
from sim.errors import ScenarioError

#: they start many processes or run a whole scenario; tests/cli/test_bench.py runs one of them
SLOW = ("scenario kachin", "start first call cold")
PAIRS = [
    (task, entrant)
    for task in all_tasks().values()
    for entrant in task.entrants
    if task.name not in SLOW and (entrant.name == OURS or entrant.package in ("scipy", "numpy", "whitebox-workflows"))
]


def _name(value: Any) -> str:
    return value.name if isinstance(value, Task | Entrant) else str(value)


@pytest.mark.parametrize(("task", "entrant"), PAIRS, ids=_name)
def test_the_answer_passes_its_own_check_twice(task: Task, entrant: Entrant, tmp_path: Path) -> None:
    work = make_work(task, entrant, task.tiny, tmp_path)
    for _ in range(2):
        work.check(work.run())
    assert work.items == task.items(task.tiny)


def test_names_are_unique_and_ours_comes_first() -> None:
    for name, task in all_tasks().items():
        assert name == task.name
        names = [entrant.name for entrant in task.entrants]
        assert len(set(names)) == len(names)
        assert OURS not in names[1:]


def test_every_peer_says_what_it_times_and_names_an_existing_function() -> None:
    import ast

    import sim.benchmarking.peers as room

    folder = Path(room.__file__).parent
    for task in all_tasks().values():
        for entrant in task.entrants:
            module, _, function = entrant.home.partition(":")
            if not module.startswith(room.__name__):
                continue
            tree = ast.parse((folder / f"{module.rpartition('.')[2]}.py").read_text(encoding="utf-8"))
            assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert len(ast.get_docstring(tree) or "") > 100


def test_presets_hold_known_tasks_and_grow() -> None:
    sizes = {preset: {(job.task.name, job.size) for job in plan(preset)} for preset in PRESETS}
    assert sizes["standard"] < sizes["full"]
    for kind in ("rough", "smooth"):
        cells = {job.task.items(job.size) for job in plan("full", [f"terrain route {kind}"])}
        assert cells == {10**6, 9 * 10**6, 36 * 10**6, 10**8}
    assert {job.size for job in plan("standard", ["transport steady 1"])} == {10**4, 10**5, 10**6}
    assert {job.task.area for job in plan("smoke")} == {task.area for task in all_tasks().values()}


def test_an_unknown_preset_or_task_is_named() -> None:
    with pytest.raises(ScenarioError, match=r"LS-207 --preset = huge\. Must be one of smoke, standard, full\."):
        plan("huge")
    with pytest.raises(ScenarioError, match=r"LS-207 --only = terain\..*Name an area \(machine, terrain, network"):
        plan("smoke", ["terain"])


@pytest.mark.parametrize(("kind", "least", "most"), [("rough", 0.042, 0.046), ("smooth", 0.003, 0.008)])
def test_ground_has_the_stated_statistics(kind: str, least: float, most: float) -> None:
    ground = landscapes.GROUNDS[kind]
    z = landscapes.elevations(500, ground)
    assert z.dtype == np.float32
    assert float(z.min()) == 100.0
    assert least < landscapes.pit_share(z) < most
    # tilt and relief: the tilt's own share taken out, what remains scatters by a quarter of the relief
    row = np.arange(500)[:, None] * landscapes.CELL * ground.tilt
    assert float((z + row).std()) == pytest.approx(ground.relief / 4.0, rel=0.02)
    np.testing.assert_array_equal(z, landscapes.elevations(500, ground))


def test_spectral_slope_is_as_stated() -> None:
    """Power of a row falls as k^-beta where neither the flat part nor the noise matters."""
    slopes = []
    for beta in (2.0, 3.2):
        z = landscapes.elevations(1024, landscapes.Ground(beta=beta, tilt=0.0, noise=0.0)).astype(np.float64)
        rows = (z - z.mean(axis=1, keepdims=True)) * np.hanning(1024)
        power = (np.abs(np.fft.rfft(rows, axis=1)) ** 2).mean(axis=0)
        k = np.arange(16, 128)
        slopes.append(float(np.polyfit(np.log(k), np.log(power[k]), 1)[0]))
    assert slopes == pytest.approx([-2.0, -3.2], abs=0.25)


def test_pits_of_a_known_surface() -> None:
    z = np.ones((5, 5), dtype=np.float32)
    z[1:4, 1:4] = 2.0
    z[2, 2] = 1.0
    assert landscapes.pit_share(z) == pytest.approx(1.0 / 9.0)


def test_ground_is_made_once_and_shared(tmp_path: Path) -> None:
    first = landscapes.stored(32, "rough", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rough-32.npy"]
    np.save(tmp_path / "rough-32.npy", np.zeros_like(first))
    assert not landscapes.stored(32, "rough", tmp_path).any()


def test_the_walk_visits_every_line_once() -> None:
    after = cycle_through(random_visits(64 * 100))
    at, seen = 0, set()
    for _ in range(100):
        seen.add(at)
        at = int(after[at])
    assert at == 0
    assert len(seen) == 100
    assert all(line % 8 == 0 for line in seen)


def test_references_are_read_and_plausible() -> None:
    reading = References(elements=10_000, jump_bytes=64 * 1000).read()
    for value in (reading.stream, reading.stream_threads, reading.jump):
        assert 0.0 < value < 1e-3


def test_largest_cache_reads_what_the_system_tells(tmp_path: Path) -> None:
    assert largest_cache(tmp_path) == 0
    for k, text in enumerate(("32K", "1024K", "32M", "odd")):
        (tmp_path / f"index{k}").mkdir()
        (tmp_path / f"index{k}" / "size").write_text(f"{text}\n", encoding="ascii")
    assert largest_cache(tmp_path) == 32 * 2**20


def test_a_missing_cell_is_a_wrong_answer() -> None:
    require_all_cells(100.0, 100)
    require_all_cells(100.05, 100, 1e-3)
    for drained, tolerance in ((99.0, 0.0), (101.0, 0.0), (float("nan"), 0.1)):
        with pytest.raises(WrongAnswer, match="of 100 cells"):
            require_all_cells(drained, 100, tolerance)


@pytest.mark.parametrize(
    ("heights", "message"),
    [
        ([np.nan, np.nan, np.nan], "no cell"),
        ([0.5, 1.0, 2.0], "above or below itself"),
        ([0.0, -1.0, 2.0], "below the channel"),
    ],
)
def test_wrong_heights_are_refused(heights: list[float], message: str) -> None:
    channel = np.array([True, False, False])
    require_heights([0.0, 1.0, np.nan], channel)
    with pytest.raises(WrongAnswer, match=message):
        require_heights(heights, channel)


def _spoil_steady(answer: Any) -> Any:
    concentration, budget = answer
    concentration.pit_outlet.flags.writeable = True
    concentration.pit_outlet[:] *= 0.9
    return concentration, budget


def _spoil_terrain(terrain: Any) -> Any:
    import dataclasses

    cells = np.array(terrain.upstream_cells)
    cells[terrain.direction >= 8] += 1
    return dataclasses.replace(terrain, upstream_cells=cells)


SPOILERS = {
    "transport steady 8": _spoil_steady,
    "terrain route rough": _spoil_terrain,
    "terrain stages": lambda answer: (_spoil_terrain(answer[0]), answer[1]),
    "terrain height": lambda answer: (answer[0] + 1.0, *answer[1:]),
    "machine triad": lambda answer: answer + 1.0,
    "machine jump": lambda answer: (answer[0], answer[0]),
    "start import": lambda done: type(done)(done.args, 1, "", "broken"),
}


@pytest.mark.parametrize("name", SPOILERS)
def test_a_spoiled_answer_is_refused(name: str, tmp_path: Path) -> None:
    task = all_tasks()[name]
    work = make_work(task, task.entrants[0], task.tiny, tmp_path)
    answer = work.run()
    work.check(answer)
    with pytest.raises(WrongAnswer):
        work.check(SPOILERS[name](answer))


def test_the_solver_that_competes_finds_the_same_concentrations() -> None:
    """scipy's factorisation and our sweep, two ways to one steady balance."""
    from sim.benchmarking.peers.splu_peer import solve
    from sim.benchmarking.tasks.transport import sweep_input
    from sim.transport import steady

    given = sweep_input(300, 3)
    concentration, _ = steady(given.network, given.flow, given.load, given.reactions)
    background, pits = solve(given)
    leaving = given.flow.discharge_out
    np.testing.assert_allclose(pits, concentration.pit_outlet[0] * leaving, rtol=1e-9, atol=1e-18)
    np.testing.assert_allclose(background + pits, concentration.outlet[0] * leaving, rtol=1e-9, atol=1e-18)


def test_both_pulses_are_one_scheme() -> None:
    from sim.benchmarking.peers.crank_nicolson_peer import banded, plain

    here = Path()
    np.testing.assert_allclose(plain(200, here).run(), banded(200, here).run(), rtol=1e-9, atol=1e-15)
    with pytest.raises(ValueError, match="no room"):
        plain(20, here)


def test_frame_sum_counts_corners_once() -> None:
    assert frame_sum(np.arange(9).reshape(3, 3)) == 36 - 4
