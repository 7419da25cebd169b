"""Which tasks at which sizes: a minute for every change, an hour for the documentation, a night for everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sim.benchmarking.objects import Job
from sim.benchmarking.references import triad_elements
from sim.benchmarking.tasks import all_tasks
from sim.errors import ScenarioError

#: MiB: within most caches, about as large as a last-level cache, beyond any
_JUMPS = (4, 36, 256)
#: side of the square: 1, 9, 36 and 100 million cells
_SIDES = (1000, 3000, 6000, 10_000)


@dataclass(frozen=True)
class _Line:
    """A task at several sizes in a preset."""

    task: str
    sizes: tuple[int, ...]
    rounds: int
    peers: bool = False
    memory: bool = False
    peer_memory: bool = True

    def jobs(self) -> list[Job]:
        task = all_tasks()[self.task]
        return [Job(task, size, self.rounds, self.peers, self.memory, self.peer_memory) for size in self.sizes]


def _smoke() -> list[_Line]:
    return [
        _Line("machine triad", (triad_elements(),), 5),
        _Line("machine triad threads", (triad_elements(),), 5),
        _Line("machine jump", (64,), 5),
        _Line("terrain route rough", (600,), 7, peers=True, memory=True, peer_memory=False),
        _Line("terrain route smooth", (600,), 5),
        _Line("terrain stages", (600,), 5),
        _Line("terrain height", (600,), 5),
        _Line("network build", (600,), 5),
        _Line("transport steady 8", (20_000,), 9, peers=True),
        _Line("transport pulse", (500,), 3, peers=True),
        _Line("scenario kachin coarse", (1,), 3),
        _Line("start import", (1,), 5),
        _Line("start first call warm", (1,), 3),
    ]


def _standard() -> list[_Line]:
    return [
        _Line("machine triad", (triad_elements(),), 9),
        _Line("machine triad threads", (triad_elements(),), 9),
        _Line("machine jump", _JUMPS, 9),
        _Line("terrain route rough", _SIDES[:2], 5, peers=True, memory=True),
        _Line("terrain route rough", _SIDES[2:3], 3, peers=True, memory=True),
        _Line("terrain route rough", _SIDES[3:], 3, memory=True),
        _Line("terrain route smooth", _SIDES[:2], 3, peers=True, memory=True),
        _Line("terrain route smooth", _SIDES[2:], 3, memory=True),
        _Line("terrain stages", _SIDES, 3),
        _Line("terrain height", _SIDES[:2], 3, peers=True, memory=True),
        _Line("terrain height", _SIDES[2:3], 3),
        _Line("network build", _SIDES[:2], 5, memory=True),
        _Line("transport steady 1", (10_000, 100_000, 1_000_000), 5, peers=True, memory=True),
        _Line("transport steady 8", (10_000, 100_000, 1_000_000), 3, peers=True, memory=True),
        _Line("transport steady 64", (10_000, 100_000), 3, peers=True, memory=True),
        _Line("transport pulse", (1000, 10_000), 3, peers=True),
        _Line("scenario kachin coarse", (1,), 5),
        _Line("scenario kachin", (1,), 3, memory=True),
        _Line("start python", (1,), 9),
        _Line("start import", (1,), 9),
        _Line("start help", (1,), 9),
        _Line("start first call warm", (1,), 5),
        _Line("start first call cold", (1,), 3),
    ]


def _full() -> list[_Line]:
    largest = [
        _Line("terrain route rough", _SIDES[3:], 3, peers=True, memory=True),
        _Line("terrain route smooth", _SIDES[2:], 3, peers=True, memory=True),
        _Line("transport steady 64", (1_000_000,), 3, memory=True),
    ]
    replaced = {(line.task, size) for line in largest for size in line.sizes}
    kept = [
        replace(line, sizes=tuple(size for size in line.sizes if (line.task, size) not in replaced))
        for line in _standard()
    ]
    return [line for line in kept if line.sizes] + largest


PRESETS = {"smoke": _smoke, "standard": _standard, "full": _full}


def plan(preset: str, only: Sequence[str] = ()) -> list[Job]:
    """Jobs of a preset, in the order of the tables.

    Parameters
    ----------
    preset : "smoke", "standard" or "full"
    only : beginnings of task names, such as "terrain" or "transport steady 8"; all tasks when empty

    Raises
    ------
    ScenarioError
        LS-207 if there is no such preset or no task begins so.

    Examples
    --------
    >>> {job.task.area for job in plan("smoke", ["transport"])}
    {'transport'}
    """
    if preset not in PRESETS:
        known = ", ".join(PRESETS)
        raise ScenarioError(207, "--preset", got=preset, expected=f"Must be one of {known}")
    jobs = [job for line in PRESETS[preset]() for job in line.jobs()]
    for beginning in only:
        if not any(job.task.name.startswith(beginning) for job in jobs):
            areas = ", ".join(dict.fromkeys(job.task.area for job in jobs))
            raise ScenarioError(
                207,
                "--only",
                got=beginning,
                expected=f"No task of the preset {preset!r} begins so",
                remedy=f"Name an area ({areas}) or the beginning of a task's name",
            )
    chosen = [job for job in jobs if not only or any(job.task.name.startswith(each) for each in only)]
    order = list(all_tasks())
    return sorted(chosen, key=lambda job: (order.index(job.task.name), job.size))
