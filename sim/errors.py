"""Errors that name what went wrong, where, what was found, what was expected and what to do.

Every error a user can cause has a number. The hundreds digit gives the family and the exit code:
2xx scenario wrong (2), 3xx data missing or unreadable (3), 4xx balance or convergence (4),
5xx interrupted, resumable (130), 1xx our bug (1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

EXIT_DONE = 0
EXIT_BUG = 1
EXIT_SCENARIO = 2
EXIT_DATA = 3
EXIT_BALANCE = 4
EXIT_INTERRUPTED = 130

_EXIT_BY_FAMILY = {1: EXIT_BUG, 2: EXIT_SCENARIO, 3: EXIT_DATA, 4: EXIT_BALANCE, 5: EXIT_INTERRUPTED}

#: number -> title, the anchor of its paragraph in docs/errors.md
CATALOGUE: dict[int, str] = {
    101: "mistake in LeachSim itself",
    201: "scenario file is not valid TOML",
    202: "unknown key",
    203: "required key is missing",
    204: "value out of range",
    205: "value of the wrong type",
    206: "unit not known or of the wrong dimension",
    207: "name not known",
    208: "names or identifiers repeat",
    209: "values contradict one another",
    210: "override cannot be applied",
    211: "number is not finite",
    212: "output folder exists",
    213: "path leaves its folder",
    214: "place lies outside the terrain",
    301: "file not found",
    302: "file cannot be read",
    303: "raster has no coordinate reference system",
    304: "raster holds no valid cell",
    305: "raster holds values that cannot be elevations",
    306: "raster does not cover the area asked for",
    307: "table lacks columns",
    308: "table holds a bad value",
    309: "vector file has no usable points or lines",
    310: "disk full or not writable",
    311: "too large for this machine",
    312: "terrain engine failed",
    313: "terrain engine not found",
    314: "run folder is not complete",
    315: "network is not a tree",
    316: "pits lie outside the terrain",
    317: "workers of a tiled run lost or not reached",
    401: "mass balance does not close",
    402: "water balance does not close",
    501: "interrupted",
}


class LeachSimError(Exception):
    """A mistake or failure explained in five parts: number, where, got, expected, remedy.

    Parameters
    ----------
    number : int
        Key of `CATALOGUE`.
    where : str
        File and place in it, for example ``scenario.toml: pits.loss_fraction``.
    got : str
        The value found, as the user would write it; empty when there is none.
    expected : str
        What must hold, one sentence without full stop.
    remedy : str
        What the user can do, one sentence without full stop.
    """

    def __init__(self, number: int, where: str, *, got: str = "", expected: str, remedy: str = "") -> None:
        if number not in CATALOGUE:
            raise ValueError(f"error number {number} is not in the catalogue")
        self.number = number
        self.where = where
        self.got = got
        self.expected = expected
        self.remedy = remedy
        super().__init__(self.text())

    @property
    def exit_code(self) -> int:
        """Exit code of the command line for this error."""
        return _EXIT_BY_FAMILY[self.number // 100]

    def text(self) -> str:
        """One line: number, place, value, what must hold, remedy and where to read more."""
        head = f"LS-{self.number} {self.where}"
        if self.got:
            head += f" = {self.got}"
        parts = [head, self.expected]
        if self.remedy:
            parts.append(self.remedy)
        return ". ".join(parts) + f". See docs/errors.md#ls-{self.number}."

    def as_dict(self) -> dict[str, object]:
        """The same five parts for ``--json``."""
        return {
            "code": f"LS-{self.number}",
            "where": self.where,
            "got": self.got,
            "expected": self.expected,
            "remedy": self.remedy,
            "exit_code": self.exit_code,
        }


class ScenarioError(LeachSimError):
    """The scenario says something that cannot be run (2xx)."""


class DataError(LeachSimError):
    """A file or program is missing, unreadable or unusable (3xx)."""


class BalanceError(LeachSimError):
    """Mass or water does not add up within its tolerance (4xx)."""


class Interrupted(LeachSimError):  # noqa: N818 - what happened, not a fault
    """The user stopped the run (5xx)."""


class Problems(LeachSimError):  # noqa: N818 - holds errors, is one only to be raised
    """All problems of one input at once, in the order in which they stand there."""

    def __init__(self, problems: Iterable[LeachSimError]) -> None:
        self.problems: Sequence[LeachSimError] = tuple(problems)
        if not self.problems:
            raise ValueError("Problems needs at least one problem")
        first = self.problems[0]
        super().__init__(first.number, first.where, got=first.got, expected=first.expected, remedy=first.remedy)

    @property
    def exit_code(self) -> int:
        """The scenario's code when any problem is the scenario's, else the smallest."""
        return min(problem.exit_code for problem in self.problems)

    def text(self) -> str:
        """One line per problem."""
        if not hasattr(self, "problems"):
            return super().text()
        return "\n".join(problem.text() for problem in self.problems)

    def __str__(self) -> str:
        return self.text()
