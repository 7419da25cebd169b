"""Turns, outcomes and memory of a measurement: with made-up sessions, and with real worker processes."""

from __future__ import annotations

import functools
import os
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.benchmarking.machine import LoadWatch, commit, machine, processors, versions
from sim.benchmarking.measure import BASE, Setting, batches, measure, measure_batch, merged, worker_setting
from sim.benchmarking.memory import peak_while
from sim.benchmarking.objects import (
    CRASHED,
    FAILED,
    LEFT_OUT,
    MISSING,
    OK,
    OURS,
    WRONG,
    Entrant,
    Job,
    Memory,
    Sample,
    Task,
    Work,
    WrongAnswer,
)
from sim.benchmarking.remote import RemoteSession
from sim.benchmarking.session import MOST_EXECUTIONS, LocalSession, NoTimes
from sim.benchmarking.tasks import all_tasks

SAMPLE = Sample(1.0, 1e-9, 1e-9, 1e-7)


def _task(*entrants: Entrant) -> Task:
    return Task("test work", "nothing", "item", 0.0, "", 1, lambda size: size, entrants)


OURS_HERE, PEER, OTHER = Entrant(OURS, "nowhere:x"), Entrant("peer", "nowhere:x"), Entrant("other", "nowhere:x")


class Fake:
    """A session that writes down its turns."""

    version = "1.0"

    def __init__(self, name: str, diary: list[str], fault: NoTimes | None = None) -> None:
        self.name, self.diary, self.fault = name, diary, fault
        diary.append(f"open {name}")

    def run(self, most: int = 1) -> Sample:
        self.diary.append(f"run {self.name}")
        if self.fault is not None:
            raise self.fault
        return SAMPLE

    def peak(self) -> Memory | None:
        self.diary.append(f"peak {self.name}")
        return Memory(100, 10)

    def close(self) -> None:
        self.diary.append(f"close {self.name}")


def _fakes(diary: list[str], faults: dict[str, NoTimes] | None = None) -> Callable[[Job, Entrant, bool], Fake]:
    return lambda job, entrant, references: Fake(entrant.name, diary, (faults or {}).get(entrant.name))


def test_entrants_take_turns_and_every_other_round_goes_the_other_way() -> None:
    diary: list[str] = []
    job = Job(_task(OURS_HERE, PEER, OTHER), 5, rounds=3, peers=True)
    found = measure_batch([job], Setting(_fakes(diary)))
    runs = [line.removeprefix("run ") for line in diary if line.startswith("run")]
    assert runs == [OURS, "peer", "other", "other", "peer", OURS, OURS, "peer", "other"]
    assert [result.entrant for result in found] == [OURS, "peer", "other"]
    assert all(len(result.samples) == 3 and result.status == OK and result.version == "1.0" for result in found)
    assert sorted(line for line in diary if line.startswith("open")) == ["open leachsim", "open other", "open peer"]


def test_small_jobs_take_turns_with_one_another() -> None:
    diary: list[str] = []
    small = Job(replace(_task(OURS_HERE), name="small"), 5, rounds=1)
    other = Job(_task(OURS_HERE, PEER), 5, rounds=2, peers=True)
    setting = Setting(_fakes(diary))
    found = measure_batch([small, other], setting)
    assert [(result.task, result.entrant, len(result.samples)) for result in found] == [
        ("small", OURS, 1),
        ("test work", OURS, 2),
        ("test work", "peer", 2),
    ]
    runs = [line.removeprefix("run ") for line in diary if line.startswith("run")]
    assert runs == [OURS, OURS, "peer", "peer", OURS]


def test_batches_keep_large_jobs_alone_and_bound_the_number_of_processes() -> None:
    small, pair = Job(_task(OURS_HERE), 5, 1), Job(_task(OURS_HERE, PEER), 5, 1, peers=True)
    large = Job(_task(OURS_HERE), 500, 1)
    setting = Setting(_fakes([]), alone_above=100, together=3)
    assert batches([small, pair, small, large, small], setting) == [[small, pair], [small], [large], [small]]
    beside = replace(setting, base=_fakes([]))
    assert batches([small, small], beside) == [[small], [small]]


def test_peers_take_part_only_when_planned() -> None:
    job = Job(_task(OURS_HERE, PEER), 5, rounds=1)
    assert [result.entrant for result in measure_batch([job], Setting(_fakes([])))] == [OURS]
    without_ours = Job(_task(PEER, OTHER), 5, rounds=1)
    assert [result.entrant for result in measure_batch([without_ours], Setting(_fakes([])))] == ["peer", "other"]


def test_large_inputs_get_a_new_process_for_every_turn() -> None:
    diary: list[str] = []
    job = Job(_task(OURS_HERE), 50, rounds=2)
    measure_batch([job], Setting(_fakes(diary), fresh_above=49))
    assert diary == ["open leachsim", "run leachsim", "close leachsim"] * 2


def test_memory_is_measured_in_processes_of_its_own_after_the_rounds() -> None:
    diary: list[str] = []
    job = Job(_task(OURS_HERE, PEER), 5, rounds=1, peers=True, memory=True, peer_memory=False)
    ours, peer = measure_batch([job], Setting(_fakes(diary)))
    assert ours.memory == Memory(100, 10)
    assert peer.memory is None
    assert diary[-3:] == ["open leachsim", "peak leachsim", "close leachsim"]


def test_who_fails_is_told_and_does_not_stop_the_others() -> None:
    diary: list[str] = []
    setting = Setting(_fakes(diary, {"peer": NoTimes(WRONG, "lost a cell")}))
    ours, peer, other = measure_batch([Job(_task(OURS_HERE, PEER, OTHER), 5, rounds=3, peers=True)], setting)
    assert (ours.status, other.status) == (OK, OK)
    assert (peer.status, peer.message, peer.samples) == (WRONG, "lost a cell", ())
    assert diary.count("run peer") == 1


def test_what_cannot_fit_or_takes_too_long_is_left_out() -> None:
    greedy = Entrant("greedy", "nowhere:x", bytes_per_item=1e18)
    slow = Entrant("slow", "nowhere:x", most_items=4)
    diary: list[str] = []
    _, one, two = measure_batch([Job(_task(OURS_HERE, greedy, slow), 5, 1, peers=True)], Setting(_fakes(diary)))
    assert two.status == LEFT_OUT
    assert two.message == "takes too long above 4 items"
    assert "open slow" not in diary
    if sys.platform == "linux":  # elsewhere free memory is not known
        assert one.status == LEFT_OUT
        assert "needs about 5000000000.0 GB" in one.message


def test_another_installation_takes_turns_too() -> None:
    diary: list[str] = []
    setting = Setting(_fakes(diary), base=lambda job, entrant, references: Fake(BASE, diary))
    found = measure_batch([Job(_task(OURS_HERE), 5, rounds=2)], setting)
    assert [result.entrant for result in found] == [OURS, BASE]
    runs = [line.removeprefix("run ") for line in diary if line.startswith("run")]
    assert runs == [OURS, BASE, BASE, OURS]


def test_repeats_are_kept_apart() -> None:
    told: list[str] = []
    [result] = measure([Job(_task(OURS_HERE), 5, rounds=2)], Setting(_fakes([])), repeats=3, progress=told.append)
    assert [len(repeat) for repeat in result.repeats] == [2, 2, 2]
    assert told[0] == "test work 5 (repeat 1 of 3)"
    failed = replace(result, status=FAILED, message="x")
    assert merged(result, failed).status == merged(failed, result).status == FAILED


def _local(work: Callable[[], Work], **options: Any) -> LocalSession:
    task = _task(OURS_HERE)
    return LocalSession(task, OURS_HERE, 3, Path(), references=None, make=lambda *_: work(), **options)


def _accept(_: Any) -> None:
    pass


def test_a_session_refuses_a_wrong_answer_while_warming_and_while_timed() -> None:
    def check(answer: int) -> None:
        if answer > 2:
            raise WrongAnswer("more than two")

    with pytest.raises(NoTimes, match="wrong answer: more than two"):
        _local(lambda: Work(1, lambda: 3, check))
    turns = iter(range(10))
    # 0 warms up, 1 and 2 are right, 3 is not
    session = _local(lambda: Work(1, functools.partial(next, turns), check), warm=3)
    with pytest.raises(NoTimes, match="wrong answer"):
        session.run()


@pytest.mark.parametrize(
    ("error", "status"),
    [(ZeroDivisionError("x"), FAILED), (ImportError("no engine"), MISSING), (MemoryError(), CRASHED)],
)
def test_what_an_entrant_raises_is_an_outcome(error: Exception, status: str) -> None:
    def fail() -> Any:
        raise error

    with pytest.raises(NoTimes) as caught:
        _local(fail)
    assert caught.value.status == status


def test_a_time_in_which_the_compiler_ran_is_refused() -> None:
    from numba import njit

    def compile_now() -> Any:
        return njit(lambda x: x + 1)(1)

    session = _local(lambda: Work(1, compile_now, _accept))
    with pytest.raises(NoTimes, match="failed: 1 kernels were compiled while the time was taken"):
        session.run()
    ready = njit(lambda x: x + 1)
    session = _local(lambda: Work(1, lambda: ready(1), _accept))
    assert session.run().seconds > 0.0


def test_short_work_alone_is_repeated_and_among_others_it_is_not() -> None:
    runs: list[int] = []
    session = _local(lambda: Work(1, lambda: runs.append(1), _accept))
    runs.clear()
    session.run()
    assert len(runs) == MOST_EXECUTIONS
    runs.clear()
    session.run(1)
    assert len(runs) == 1

    given: list[int] = []

    class Counting(Fake):
        def run(self, most: int = 1) -> Sample:
            given.append(most)
            return SAMPLE

    setting = Setting(lambda job, entrant, references: Counting(entrant.name, []))
    measure_batch([Job(_task(OURS_HERE, PEER), 5, rounds=1, peers=True)], setting)
    measure_batch([Job(_task(OURS_HERE), 5, rounds=1)], setting)
    assert given == [1, 1, MOST_EXECUTIONS]


def test_a_package_that_is_not_there_is_missing() -> None:
    absent = Entrant("absent", "nowhere:x", "no-such-distribution")
    with pytest.raises(NoTimes, match="missing: no-such-distribution is not installed"):
        LocalSession(_task(absent), absent, 1, Path(), references=None)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells no peak")
def test_peak_memory_of_known_work() -> None:
    def work() -> int:
        block = np.ones(2**23)  # 64 MiB, gone afterwards
        return int(block.sum())

    answer, memory = peak_while(work)
    assert answer == 2**23
    assert memory is not None
    if sys.platform == "linux":
        assert 2**26 * 0.95 < memory.extra < 2**26 * 1.3
    assert memory.process > memory.extra


# worker processes

TRIAD = all_tasks()["machine triad"]


def _remote(folder: Path, task: str = TRIAD.name, **options: Any) -> RemoteSession:
    return RemoteSession(task, options.pop("entrant", OURS), 1000, folder, threads=1, **options)


def test_a_worker_works_and_ends(tmp_path: Path) -> None:
    session = _remote(tmp_path)
    try:
        sample = session.run()
        assert min(sample.seconds, sample.stream, sample.stream_threads, sample.jump) > 0.0
        assert (session.items, session.version) == (1000, versions([])["leachsim"])
    finally:
        session.close()
    with pytest.raises(ProcessLookupError):
        os.kill(session.pid, 0)


def test_a_worker_measures_memory_without_references(tmp_path: Path) -> None:
    session = RemoteSession("machine triad", OURS, 10**6, tmp_path, threads=1, references=False)
    try:
        memory = session.peak()
    finally:
        session.close()
    if sys.platform == "linux":
        assert memory is not None
        assert 2**20 < memory.process < 10**9


def test_threads_are_given_to_the_worker(tmp_path: Path) -> None:
    told = "json.dumps({'status': 'failed', 'message': os.environ['OMP_NUM_THREADS']})"
    program = f"import os, json; input(); print({told})"
    with pytest.raises(NoTimes) as caught:
        _remote(tmp_path, worker=("-c", program))
    assert caught.value.message == "1"


def test_an_unknown_task_or_missing_peer_is_an_outcome(tmp_path: Path) -> None:
    with pytest.raises(NoTimes, match="failed: leachsim has no task 'no such' in this installation"):
        _remote(tmp_path, "no such")


def test_a_crash_is_an_outcome_with_its_last_words(tmp_path: Path) -> None:
    crash = textwrap.dedent("""
        import os, signal, sys
        sys.stdin.readline()
        print("engine: assertion failed", file=sys.stderr, flush=True)
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    """)
    with pytest.raises(NoTimes) as caught:
        _remote(tmp_path, worker=("-c", crash))
    assert caught.value.status == CRASHED
    assert "engine: assertion failed" in caught.value.message
    if os.name == "posix":
        assert "killed by SIGKILL" in caught.value.message


def test_who_does_not_answer_is_ended(tmp_path: Path) -> None:
    with pytest.raises(NoTimes, match=r"no answer: none within 0\.3 s"):
        _remote(tmp_path, worker=("-c", "import time; time.sleep(60)"), timeout=0.3)


def test_workers_measure_a_job_with_references(tmp_path: Path) -> None:
    job = Job(all_tasks()["transport steady 1"], 1000, rounds=2, peers=True)
    ours, splu = measure_batch([job], worker_setting(tmp_path, 1, 120.0))
    assert (ours.status, splu.status) == (OK, OK), (ours.message, splu.message)
    assert len(ours.samples) == len(splu.samples) == 2
    assert all(sample.stream > 0.0 for sample in ours.samples)


# where it was measured


def test_the_machine_is_described_without_naming_it() -> None:
    import platform

    found = machine()
    assert found["processors"] == processors() >= 1
    assert found["python"] == platform.python_version()
    assert platform.node() not in [str(value) for value in found.values()]
    assert list(versions(["no-such-distribution", "numpy"]))[:2] == ["leachsim", "numpy"]


def test_no_commit_outside_a_checkout(tmp_path: Path) -> None:
    assert commit(tmp_path) == ""


def test_the_load_of_others_excludes_our_own() -> None:
    watch = LoadWatch()
    total = 0
    for k in range(300_000):  # keeps a processor busy for a while
        total += k % 7
    found = watch.seen()
    assert total > 0
    assert found["seconds"] >= 0.0
    if sys.platform == "linux":
        assert 0.0 <= found["processors_taken_by_others"] <= (os.cpu_count() or 1) + 0.5
