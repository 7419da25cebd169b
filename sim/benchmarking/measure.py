"""Measure jobs: every entrant in a process of its own, taking turns, so that a disturbance meets all alike.

A round gives every entrant a turn, in the order of the table; every other round goes the other way. Small jobs are
measured together, so that their turns spread over a longer time. Processes stay alive between their turns and sleep
then. Inputs above `FRESH_ABOVE` items get a fresh process for every turn instead, because several large inputs side by
side would not fit into memory.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sim.benchmarking.machine import available_memory
from sim.benchmarking.objects import LEFT_OUT, OK, OURS, Entrant, Job, Memory, Result, Sample
from sim.benchmarking.session import MOST_EXECUTIONS, NoTimes, Session

#: items above which an entrant's process ends after every turn
FRESH_ABOVE = 20_000_000
#: items above which a job is measured alone
ALONE_ABOVE = 1_000_000
#: most entrants of jobs that are measured together; each holds the references, some 200 MB
TOGETHER = 12
#: share of the free memory an entrant may need
_SHARE_OF_MEMORY = 0.8
#: name of our entrant in another installation, timed beside this one
BASE = "base"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Setting:
    """How sessions are opened.

    Parameters
    ----------
    open : (job, entrant, with references) -> a warmed session; raises `NoTimes`
    base : the same for LeachSim in another installation, or None
    fresh_above : items above which an entrant's process ends after every turn
    alone_above : items above which a job is measured alone
    together : most entrants of jobs measured together
    """

    open: Callable[[Job, Entrant, bool], Session]
    base: Callable[[Job, Entrant, bool], Session] | None = None
    fresh_above: float = FRESH_ABOVE
    alone_above: float = ALONE_ABOVE
    together: int = TOGETHER


class _Contestant:
    """One entrant of one job while it is measured."""

    def __init__(self, job: Job, entrant: Entrant, opener: Callable[[bool], Session], *, fresh: bool) -> None:
        self.job, self.entrant, self._opener, self._fresh = job, entrant, opener, fresh
        # best of several is fair only among equals: a slow rival would have fewer tries in the same time
        self._most = 1 if len(_entrants(job)) > 1 else MOST_EXECUTIONS
        self._session: Session | None = None
        self._version = ""
        self.samples: list[Sample] = []
        self._memory: Memory | None = None
        self.outcome: NoTimes | None = None

    def prepare(self) -> None:
        """Open the session, unless every turn opens its own."""
        with self._caught():
            _require_room(self.job, self.entrant)
            if not self._fresh:
                self._open(True)

    def turn(self) -> None:
        """Take a turn, unless something went wrong before."""
        if self.outcome is not None:
            return
        with self._caught():
            session = self._session or self._open(True)
            try:
                self.samples.append(session.run(self._most))
            finally:
                if self._fresh:
                    self.close()

    def memory(self) -> None:
        """Measure peak memory in a process of its own, without the references."""
        if self.outcome is not None:
            return
        with self._caught():
            try:
                self._memory = self._open(False).peak()
            finally:
                self.close()

    def close(self) -> None:
        """End the process if there is one."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def result(self) -> Result:
        """What came out."""
        task = self.job.task
        found = Result(
            task=task.name,
            size=self.job.size,
            entrant=self.entrant.name,
            status=OK if self.outcome is None else self.outcome.status,
            message="" if self.outcome is None else self.outcome.message,
            version=self._version,
            unit=task.unit,
            items=task.items(self.job.size),
            floor_bytes=task.floor_bytes,
        )
        if self.outcome is not None:  # half a measurement is none
            return found
        return replace(found, repeats=(tuple(self.samples),), memory=self._memory)

    def _open(self, references: bool) -> Session:
        self.close()
        self._session = self._opener(references)
        self._version = str(getattr(self._session, "version", ""))
        return self._session

    @contextlib.contextmanager
    def _caught(self) -> Iterator[None]:
        """Keep what an entrant comes to as its outcome."""
        try:
            yield
        except NoTimes as outcome:
            self.outcome = outcome
            self.close()


def _require_room(job: Job, entrant: Entrant) -> None:
    """Raise `NoTimes` if the input is larger than the entrant can take here."""
    items = job.task.items(job.size)
    if items > entrant.most_items:
        raise NoTimes(LEFT_OUT, f"takes too long above {entrant.most_items:.3g} {job.task.unit}s")
    need, free = items * entrant.bytes_per_item, available_memory() * _SHARE_OF_MEMORY
    if free and need > free:
        raise NoTimes(LEFT_OUT, f"needs about {need / 1e9:.1f} GB, {free / 1e9:.1f} GB can be given")


def batches(jobs: Sequence[Job], setting: Setting) -> list[list[Job]]:
    """Cut the list of jobs into runs of small ones that are measured together; large ones stay alone.

    Small work is done in no time, and one disturbance of a second would meet all its turns; turns spread over a batch
    meet it once.
    """
    cut: list[list[Job]] = []
    room = 0
    for job in jobs:
        small = job.task.items(job.size) <= setting.alone_above
        need = len(_entrants(job)) + (setting.base is not None)
        if not small or need > room:
            cut.append([])
            room = setting.together
        cut[-1].append(job)
        room = room - need if small else 0
    return cut


def measure_batch(jobs: Sequence[Job], setting: Setting, progress: Progress = lambda _: None) -> list[Result]:
    """All entrants of some jobs once: warmed, in turns, then their memory.

    Parameters
    ----------
    jobs : from `batches`
    setting : Setting
    progress : called with a line before every job is warmed up

    Returns
    -------
    one `Result` per job and entrant with one repeat, in order
    """
    contestants = [each for job in jobs for each in _contestants(job, setting)]
    names = iter([job.name for job in jobs])
    job = None
    try:
        for each in contestants:
            if each.job is not job:
                job = each.job
                progress(next(names))
            each.prepare()
        for turn in range(max(job.rounds for job in jobs)):
            for each in contestants if turn % 2 == 0 else reversed(contestants):
                if turn < each.job.rounds:
                    each.turn()
        for each in contestants:
            each.close()
        for each in contestants:
            if each.job.memory and (each.entrant.name == OURS or each.job.peer_memory):
                each.memory()
    finally:
        for each in contestants:
            each.close()
    return [each.result() for each in contestants]


def _contestants(job: Job, setting: Setting) -> list[_Contestant]:
    fresh = job.task.items(job.size) > setting.fresh_above
    entrants = _entrants(job)
    found = [_Contestant(job, each, _opener(setting.open, job, each), fresh=fresh) for each in entrants]
    if setting.base is not None and _has_ours(job):
        ours = entrants[0]
        base = _Contestant(job, replace(ours, name=BASE), _opener(setting.base, job, ours), fresh=fresh)
        found.insert(1, base)
    return found


def _entrants(job: Job) -> list[Entrant]:
    """Ours, and the others where they are planned or where there is no ours."""
    return [each for each in job.task.entrants if job.peers or each.name == OURS or not _has_ours(job)]


def _has_ours(job: Job) -> bool:
    return any(each.name == OURS for each in job.task.entrants)


def _opener(opening: Callable[[Job, Entrant, bool], Session], job: Job, entrant: Entrant) -> Callable[[bool], Session]:
    return lambda references: opening(job, entrant, references)


def measure(
    jobs: Sequence[Job], setting: Setting, *, repeats: int = 1, progress: Progress = lambda _: None
) -> list[Result]:
    """Measure all jobs, the whole list again for every repeat, each time in new processes.

    Parameters
    ----------
    jobs : from `sim.benchmarking.presets.plan`
    setting : Setting
    repeats : int, at least 1; what differs between repeats is the noise a comparison has to allow for
    progress : called with a line before every job

    Returns
    -------
    one `Result` per job and entrant
    """
    found: dict[tuple[str, int, str], Result] = {}
    for repeat in range(repeats):
        of = f" (repeat {repeat + 1} of {repeats})" if repeats > 1 else ""
        say = functools.partial(_tell, progress, of)
        for batch in batches(jobs, setting):
            for result in measure_batch(batch, setting, say):
                found[result.key] = merged(found[result.key], result) if result.key in found else result
    return list(found.values())


def _tell(progress: Progress, of: str, line: str) -> None:
    progress(line + of)


def merged(one: Result, other: Result) -> Result:
    """Two measurements of the same entrant as repeats of one; the first that failed decides, as does the larger peak.

    Examples
    --------
    >>> sample = Sample(1.0, 1e-9, 1e-9, 1e-7)
    >>> result = Result("t", 1, "leachsim", "ok", "", "1", "cell", 1, 0.0, ((sample,),))
    >>> len(merged(result, result).repeats)
    2
    """
    if one.status != OK:
        return one
    if other.status != OK:
        return other
    peaks = [each.memory for each in (one, other) if each.memory is not None]
    memory = max(peaks, key=lambda peak: peak.process, default=None)
    return replace(one, repeats=one.repeats + other.repeats, memory=memory)


def worker_setting(folder: Path, threads: int, timeout: float, base: str | None = None) -> Setting:
    """Sessions in worker processes.

    Parameters
    ----------
    folder : Path for inputs and what workers say
    threads : int, given to every entrant
    timeout : s, longest wait for one answer
    base : interpreter of another LeachSim installation to time beside this one
    """
    from sim.benchmarking.remote import RemoteSession

    def opening(python: str | None) -> Callable[[Job, Entrant, bool], Session]:
        chosen = {} if python is None else {"python": python}

        def open_(job: Job, entrant: Entrant, references: bool) -> Session:
            return RemoteSession(
                job.task.name,
                entrant.name,
                job.size,
                folder,
                threads=threads,
                references=references,
                timeout=timeout,
                **chosen,
            )

        return open_

    return Setting(opening(None), opening(base) if base else None)
