"""What is timed, by area: terrain, network, transport, whole scenarios, starting up, and the machine itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sim.benchmarking.objects import Entrant, Task, Work


def all_tasks() -> Mapping[str, Task]:
    """Every task by name, in the order of the tables."""
    from sim.benchmarking.tasks import machine, network, scenario, start, terrain, transport

    rooms = (machine, terrain, network, transport, scenario, start)
    return {task.name: task for room in rooms for task in room.TASKS}


def make_work(task: Task, entrant: Entrant, size: int, folder: Path) -> Work:
    """Input of one size for one entrant.

    Parameters
    ----------
    task, entrant : who does what
    size : int, of the task's own kind
    folder : Path where inputs are kept between processes

    Raises
    ------
    ImportError
        If the entrant is not installed.

    Examples
    --------
    >>> import tempfile
    >>> task = all_tasks()["network build"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     work = make_work(task, task.entrants[0], task.tiny, Path(folder))
    ...     work.check(work.run())
    >>> work.items == task.items(task.tiny)
    True
    """
    from importlib import import_module

    module, _, function = entrant.home.partition(":")
    work: Work = getattr(import_module(module), function)(size, folder)
    return work
