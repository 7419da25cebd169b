"""A process for one entrant: reads one JSON order per line, answers each with one JSON line.

Orders are ``{"do": "open", "task", "entrant", "size", "folder", "references"}``, ``{"do": "run", "most"}`` and
``{"do": "peak"}``.
Answers carry ``status``; with "ok" what was asked for, else ``message``. What engines print goes to stderr.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from sim.benchmarking.objects import FAILED, OK
from sim.benchmarking.references import References
from sim.benchmarking.session import LocalSession, NoTimes, version_of
from sim.benchmarking.tasks import all_tasks


class Desk:
    """Takes orders for the one session of this process."""

    def __init__(self) -> None:
        self._session: LocalSession | None = None

    def answer(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do what the order says; never raises what an entrant may cause."""
        try:
            return {"status": OK, **getattr(self, f"_{order['do']}")(order)}
        except NoTimes as outcome:
            return {"status": outcome.status, "message": outcome.message}

    def _open(self, order: dict[str, Any]) -> dict[str, Any]:
        task = all_tasks().get(order["task"])
        found = [each for each in task.entrants if each.name == order["entrant"]] if task else []
        if task is None or not found:
            raise NoTimes(FAILED, f"{order['entrant']} has no task {order['task']!r} in this installation")
        version_of(found[0].package)  # what is missing is known before anything is made
        references = References() if order["references"] else None
        self._session = LocalSession(task, found[0], order["size"], Path(order["folder"]), references=references)
        return {"items": self._session.items, "version": self._session.version}

    def _run(self, order: dict[str, Any]) -> dict[str, Any]:
        return {"sample": dataclasses.asdict(self._opened().run(order["most"]))}

    def _peak(self, order: dict[str, Any]) -> dict[str, Any]:
        memory = self._opened().peak()
        return {"memory": memory and dataclasses.asdict(memory)}

    def _opened(self) -> LocalSession:
        if self._session is None:
            raise NoTimes(FAILED, "nothing was opened")
        return self._session


def main() -> None:
    """Answer orders until the parent closes the pipe."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    desk = Desk()
    for line in sys.stdin:
        answers.write(json.dumps(desk.answer(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
