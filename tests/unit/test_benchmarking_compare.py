"""A slowdown is told, noise is not: on made-up scores, on recorded times of unchanged work, and live."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.benchmarking._kernels import triad
from sim.benchmarking.compare import (
    FALLEN,
    LEAST_BAND,
    LEAST_BAND_UNLEARNED,
    LOST,
    NEW,
    NOISY,
    RISEN,
    SAME,
    Level,
    Verdict,
    beside,
    compare,
    judge,
    level,
)
from sim.benchmarking.document import Document
from sim.benchmarking.measure import BASE, Setting, measure
from sim.benchmarking.objects import CRASHED, OK, OURS, Entrant, Job, Result, Sample, Task, Work
from sim.benchmarking.references import Reading, References
from sim.benchmarking.run import CONFIRMATIONS, confirmed
from sim.benchmarking.session import LocalSession
from sim.benchmarking.tasks import make_work

#: ten measurements of unchanged work on a virtual machine with two processors while other programs ran on it: task ->
#: repeats -> [seconds of the work, seconds per element of the triad just then]
RECORDED: dict[str, list[list[list[float]]]] = json.loads(
    (Path(__file__).parent / "benchmark_repeats.json").read_text(encoding="utf-8")
)
SLOWDOWN = math.log(1.3)


def _result(repeats: list[list[list[float]]], task: str = "test work", entrant: str = OURS) -> Result:
    samples = tuple(tuple(Sample(seconds, stream, stream, 1e-7) for seconds, stream in repeat) for repeat in repeats)
    return Result(task, 1, entrant, OK, "", "1", "item", 1000, 0.0, samples)


def _slower(repeats: list[list[list[float]]], factor: float) -> list[list[list[float]]]:
    return [[[seconds * factor, stream] for seconds, stream in repeat] for repeat in repeats]


# rules


def test_level_is_the_median_of_medians_and_its_noise() -> None:
    quiet = level([[1.0] * 5, [1.0] * 5])
    assert (quiet.centre, quiet.noise, quiet.learned) == (0.0, 0.0, False)
    e = math.e
    found = level([[e**-1.0] * 3, [1.0] * 3, [e**1.0] * 3])
    assert found.centre == pytest.approx(0.0)
    assert found.noise == pytest.approx(1.0)  # standard deviation of -1, 0, 1
    assert found.learned
    one_disturbed = level([[1.0, 1.0, 1.0, 1.0, 9.0]] * 3)
    assert (one_disturbed.centre, one_disturbed.noise) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("change", "noise", "verdict"),
    [
        (0.0, 0.0, SAME),
        (-0.07, 0.0, SAME),  # below the least band
        (-0.09, 0.0, FALLEN),
        (0.09, 0.0, RISEN),
        (-0.12, 0.03, SAME),  # three times sqrt(2) 0.03 is 0.127
        (-0.14, 0.03, FALLEN),
        (-SLOWDOWN, 0.03, FALLEN),
        (-0.2, 0.08, NOISY),
        (-0.5, 0.08, FALLEN),  # more than even this noise explains
        (0.5, 0.08, NOISY),
    ],
)
def test_verdicts(change: float, noise: float, verdict: str) -> None:
    assert judge(Level(1.0, noise, True), Level(1.0 + change, noise, True))[0] == verdict


def test_a_side_without_repeats_is_as_noisy_as_the_other() -> None:
    assert judge(Level(0.0, 0.05, True), Level(0.0, 0.001, False))[1] == pytest.approx(3.0 * math.hypot(0.05, 0.05))
    assert judge(Level(0.0, 0.05, True), Level(0.0, 0.001, True))[1] == pytest.approx(3.0 * math.hypot(0.05, 0.001))
    assert judge(Level(0.0, 0.0, False), Level(0.0, 0.0, False))[1] == LEAST_BAND_UNLEARNED
    assert judge(Level(0.0, 0.0, True), Level(0.0, 0.0, False))[1] == LEAST_BAND


def test_what_is_compared() -> None:
    good = [[[1.0, 1e-9]] * 5] * 3
    failed = replace(_result(good), status=CRASHED, message="killed", repeats=())
    [same] = compare([_result(good)], [_result(good)])
    assert (same.verdict, same.change, same.alarm) == (SAME, 0.0, False)
    [slower] = compare([_result(good)], [_result(_slower(good, 1.3))])
    assert slower.alarm
    assert slower.change == pytest.approx(0.3)
    [lost] = compare([_result(good)], [failed])
    assert (lost.verdict, lost.alarm, lost.message) == (LOST, True, "crashed: killed")
    assert [verdict.verdict for verdict in compare([], [_result(good)])] == [NEW]
    assert [verdict.verdict for verdict in compare([failed], [_result(good)])] == [NEW]
    assert compare([_result(good)], []) == []
    [blind] = compare([_result(good)], [_result([[[1.0, math.nan]] * 5])])
    assert (blind.verdict, blind.message) == (NOISY, "timed without references")
    assert compare([_result(good, entrant="peer")], [_result(_slower(good, 9.0), entrant="peer")]) == []
    assert compare([_result(good, "machine jump")], [_result(_slower(good, 9.0), "machine jump")]) == []


def test_a_slower_machine_is_no_slower_program() -> None:
    """Twice the time on a machine whose triad takes twice the time: the same score."""
    there = [[[1.0, 1e-9]] * 5] * 3
    here = [[[2.0, 2e-9]] * 5] * 3
    [verdict] = compare([_result(there)], [_result(here)])
    assert verdict.verdict == SAME


def test_another_installation_is_judged_by_the_rounds_they_shared() -> None:
    """Both became slower together by a disturbance; only their ratio counts."""
    rng = np.random.default_rng(1)
    shared = rng.uniform(1.0, 3.0, (3, 7))
    ours = _result([[[float(s) * 1.3, 1e-9] for s in repeat] for repeat in shared])
    base = replace(_result([[[float(s), 1e-9] for s in repeat] for repeat in shared]), entrant=BASE)
    [verdict] = beside([ours, base], BASE)
    assert verdict.verdict == FALLEN
    assert verdict.change == pytest.approx(0.3)
    same = replace(ours, entrant=BASE)
    assert [each.verdict for each in beside([ours, same], BASE)] == [SAME]
    missing = replace(base, status=CRASHED, message="x", repeats=())
    assert [each.verdict for each in beside([ours, missing], BASE)] == [NEW]
    assert [each.verdict for each in beside([missing_ours(ours), base], BASE)] == [LOST]


def missing_ours(result: Result) -> Result:
    return replace(result, status=CRASHED, message="x", repeats=())


# recorded times


def _replayed(task: str, k: int, factor: float) -> Verdict:
    """As `leachsim bench --compare`: repeat k against the other nine; what seems slower is measured again.

    The next repeats stand for those measurements, so that a disturbance lasts as long as it did.
    """
    repeats = RECORDED[task]
    base = _result(repeats[:k] + repeats[k + 1 :], task)
    rest = iter(_slower([repeats[(k + 1) % 10], repeats[(k + 2) % 10]], factor))
    rounds = len(repeats[0])

    class Replay:
        version = "1"

        def __init__(self) -> None:
            self.samples = iter([Sample(seconds, stream, stream, 1e-7) for seconds, stream in next(rest)])

        def run(self, most: int) -> Sample:
            return next(self.samples)

        def close(self) -> None:
            pass

        def peak(self) -> None:
            pass

    entrants = (Entrant(OURS, "x:y"),)
    jobs = [Job(Task(task, "x", "item", 0.0, "", 1, lambda size: 1000, entrants), 1, rounds)]
    now = [_result(_slower([repeats[k]], factor), task)]
    against = Document("smoke", (), 1, {}, (base,))
    setting = Setting(lambda job, entrant, references: Replay())
    return confirmed(jobs, now, compare([base], now), setting, against)[1][0]


@pytest.mark.parametrize("task", RECORDED)
def test_ten_unchanged_repeats_raise_no_alarm(task: str) -> None:
    """Each in turn against the other nine, as a new measurement against a baseline."""
    assert len(RECORDED[task]) == 10
    for k in range(10):
        verdict = _replayed(task, k, 1.0)
        assert not verdict.alarm, (k, verdict)


@pytest.mark.parametrize("task", RECORDED)
def test_a_recorded_slowdown_is_told_wherever_the_noise_lets_it(task: str) -> None:
    """30 % more time in every new measurement of an otherwise recorded run."""
    verdicts = [_replayed(task, k, 1.3) for k in range(10)]
    for verdict in verdicts:
        assert verdict.verdict == FALLEN or math.log1p(verdict.band) > SLOWDOWN / 2.0, verdict


def test_the_recordings_can_see_a_slowdown() -> None:
    """Most are quiet enough to tell 30 %; else the two tests above would say nothing."""
    told = [_replayed(task, k, 1.3).verdict == FALLEN for task in RECORDED for k in range(10)]
    assert sum(told) > 0.6 * len(told)


# live: short work in a cache and many turns, so that other programs on the machine disturb few of them


_PIECES = 40
_TASK = Task("test triad", "triad", "element", 0.0, "", 40_000, lambda size: size, (Entrant(OURS, "x:y"),))


class _OneThread(References):
    """Reads the triad on one thread alone: threads that wait for one another take long on a busy machine."""

    def read(self) -> Reading:
        def once() -> float:
            since = time.perf_counter()
            triad(self._b, self._c, 3.0, self._out)
            return time.perf_counter() - since

        each = min(once() for _ in range(10)) / self._out.size
        return Reading(each, each, each)


def _make(share: float) -> Callable[..., Work]:
    """The triad in `_PIECES` pieces, `share` of them done twice."""
    whole_triad = Entrant(OURS, "sim.benchmarking.tasks.machine:triad")

    def make(task: Task, _: Entrant, size: int, folder: Path) -> Work:
        whole = make_work(task, whole_triad, size // _PIECES, folder)

        def run() -> Any:
            for _ in range(round(_PIECES * (1.0 + share))):
                answer = whole.run()
            return answer

        return Work(size, run, whole.check)

    return make


def _opening(share: float, references: References | None, folder: Path) -> Callable[[Job, Entrant, bool], LocalSession]:
    def open_(job: Job, entrant: Entrant, _: bool) -> LocalSession:
        return LocalSession(job.task, entrant, job.size, folder, references=references, make=_make(share))

    return open_


_JOBS = [Job(_TASK, 400_000, rounds=60)]


def test_a_planted_slowdown_is_caught_and_ten_unchanged_measurements_are_not(tmp_path: Path) -> None:
    """A kernel that does 30 % more work is slower on any machine; the same kernel is not."""
    references = _OneThread(elements=20_000, jump_bytes=2**16)
    same = Setting(_opening(0.0, references, tmp_path))
    base = Document("smoke", (), 1, {}, tuple(measure(_JOBS, same, repeats=5)))

    def verdict(setting: Setting) -> Verdict:
        """As `leachsim bench --compare`: what seems slower is measured again before it is told."""
        results = measure(_JOBS, setting)
        _, [found] = confirmed(_JOBS, results, compare(base.results, results), setting, base)
        return found

    for _ in range(10):
        assert not verdict(same).alarm
    slower = verdict(Setting(_opening(0.3, references, tmp_path)))
    assert slower.verdict == FALLEN, slower
    assert slower.change == pytest.approx(0.3, abs=0.15)


def test_a_planted_slowdown_is_caught_beside_another_installation(tmp_path: Path) -> None:
    base = _opening(0.0, None, tmp_path)
    for share, verdict in ((0.0, SAME), (0.3, FALLEN)):
        setting = Setting(_opening(share, None, tmp_path), base)
        [found] = beside(measure(_JOBS, setting, repeats=3), BASE)
        assert found.verdict == verdict, found


def test_what_seems_slower_is_measured_again_before_it_is_told() -> None:
    """A disturbance during the first measurement passes; a slower program stays slower in every one."""
    task = Task("test work", "x", "item", 0.0, "", 1, lambda size: 1000, (Entrant(OURS, "x:y"),))
    good = [[[1.0, 1e-9]] * 5] * 3
    base, first = [_result(good)], [_result(_slower(good[:1], 1.5))]

    for factor, verdict, repeats in ((1.0, SAME, 2), (1.5, FALLEN, 1 + CONFIRMATIONS)):
        opened: list[float] = []

        class Fake:
            version = "1"

            def run(self, most: int, factor: float = factor) -> Sample:
                return Sample(factor, 1e-9, 1e-9, 1e-7)

            def close(self) -> None:
                pass

            def peak(self) -> None:
                raise AssertionError("memory is not measured again")

        def opening(*_: Any, opened: list[float] = opened, fake: type[Fake] = Fake) -> Fake:
            opened.append(1.0)
            return fake()

        jobs = [Job(task, 1, rounds=5, memory=True)]
        against = Document("smoke", (), 1, {}, tuple(base))
        results, [found] = confirmed(jobs, first, compare(base, first), Setting(opening), against)
        assert found.verdict == verdict
        assert len(results[0].repeats) == repeats
        assert len(opened) == repeats - 1
