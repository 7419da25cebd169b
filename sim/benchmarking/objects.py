"""Tasks, entrants and what was measured: frozen records that go to JSON and come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

OURS = "leachsim"
#: how an entrant can end; only "ok" carries times
OK, MISSING, FAILED, WRONG, CRASHED, SLOW, LEFT_OUT = (
    "ok",
    "missing",
    "failed",
    "wrong answer",
    "crashed",
    "no answer",
    "left out",
)
STATUSES = (OK, MISSING, FAILED, WRONG, CRASHED, SLOW, LEFT_OUT)


class WrongAnswer(Exception):  # noqa: N818 - what was found, said of an entrant
    """The answer that was timed does not pass the task's check."""


def no_stages(_: Any) -> Mapping[str, float]:
    """Stages of work that tells none."""
    return {}


@dataclass(frozen=True)
class Work:
    """One input, ready to be worked on by one entrant.

    Parameters
    ----------
    items : int, how many cells, reaches ... one execution treats
    run : what is timed; returns the answer
    check : takes the answer, raises `WrongAnswer`; never timed
    stages : takes the answer, gives seconds by name of stage; empty where the entrant tells none
    held : bytes of working memory made ready before, which counts as memory of the work
    """

    items: int
    run: Callable[[], Any]
    check: Callable[[Any], None]
    stages: Callable[[Any], Mapping[str, float]] = no_stages
    held: int = 0


@dataclass(frozen=True)
class Entrant:
    """Who takes part in a task.

    Parameters
    ----------
    name : str, as in tables
    home : str, ``module:function``; the function takes (size, folder) and gives `Work`
    package : str, distribution that must be installed, whose version is reported
    bytes_per_item : float, memory it needs, roughly; an input that cannot fit is left out, with that reason
    most_items : float, above this it is left out
    """

    name: str
    home: str
    package: str = OURS
    bytes_per_item: float = 0.0
    most_items: float = float("inf")


@dataclass(frozen=True)
class Task:
    """Something several entrants can do, so that they can be compared.

    Parameters
    ----------
    name : str, begins with its area, as in ``terrain route rough``
    sentence : str, what is done
    unit : str, one item
    floor_bytes : float, bytes per item that must cross the memory bus at least once; 0 if not stated
    floor_says : str, what they are
    tiny : int, size for warming up
    items : size -> items, without making the input
    entrants : ours first
    stage_bytes : bytes per item that a stage must move at least, by its name, where the entrants tell stages
    """

    name: str
    sentence: str
    unit: str
    floor_bytes: float
    floor_says: str
    tiny: int
    items: Callable[[int], int]
    entrants: tuple[Entrant, ...]
    stage_bytes: Mapping[str, float] = field(default_factory=dict)

    @property
    def area(self) -> str:
        """First word of the name."""
        return self.name.split()[0]


@dataclass(frozen=True)
class Job:
    """A task at one size, as planned by a preset.

    Parameters
    ----------
    task : Task
    size : int
    rounds : int, turns of every entrant
    peers : bool, others take part too
    memory : bool, peak memory of ours is measured too
    peer_memory : bool, and that of the others
    """

    task: Task
    size: int
    rounds: int
    peers: bool = False
    memory: bool = False
    peer_memory: bool = True

    @property
    def name(self) -> str:
        """Task and size."""
        return f"{self.task.name} {self.size}"


@dataclass(frozen=True)
class Sample:
    """One turn: its best execution, and the best of the references just before and after it in the same process.

    Parameters
    ----------
    seconds : s
    stream : s per element of the triad on one thread, 24 bytes each; nan where not measured
    stream_threads : the same on all threads
    jump : s per dependent random access in 64 MiB
    stages : s by name
    """

    seconds: float
    stream: float
    stream_threads: float
    jump: float
    stages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Memory:
    """Peak resident memory in a fresh process while the work ran.

    Parameters
    ----------
    process : bytes, the whole process, interpreter and input included
    extra : bytes above what it held just before
    """

    process: int
    extra: int


@dataclass(frozen=True)
class Result:
    """What one entrant did in one job.

    Parameters
    ----------
    task, size, entrant : the key
    status : one of `STATUSES`
    message : str, why there are no times; empty if there are
    version : str, of the entrant's package
    unit, items, floor_bytes : as in `Task` and `Work`
    repeats : samples of every repeat; each repeat is a process of its own
    memory : Memory or None where it was not measured
    """

    task: str
    size: int
    entrant: str
    status: str
    message: str
    version: str
    unit: str
    items: int
    floor_bytes: float
    repeats: tuple[tuple[Sample, ...], ...] = ()
    memory: Memory | None = None

    @property
    def key(self) -> tuple[str, int, str]:
        """Task, size and entrant."""
        return self.task, self.size, self.entrant

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Samples of all repeats."""
        return tuple(sample for repeat in self.repeats for sample in repeat)
