"""A measurement as one JSON document: what was measured, on what, and every single time."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.benchmarking.figures import figures, stage_seconds
from sim.benchmarking.objects import OK, STATUSES, Memory, Result, Sample
from sim.errors import DataError

SCHEMA = "leachsim-bench-1"
_ROUND = 6


@dataclass(frozen=True)
class Document:
    """A measurement.

    Parameters
    ----------
    preset : str
    only : beginnings of task names; empty for all
    threads : int, given to every entrant
    about : machine, versions, commit, load and moment, as in the JSON
    results : one per job and entrant
    """

    preset: str
    only: tuple[str, ...]
    threads: int
    about: dict[str, Any]
    results: tuple[Result, ...]

    @property
    def command(self) -> str:
        """The command that measures the same again."""
        words = ["leachsim bench", f"--preset {self.preset}", *(f'--only "{each}"' for each in self.only)]
        repeats = max((len(result.repeats) for result in self.results), default=1)
        return " ".join([*words, *([f"--repeats {repeats}"] if repeats > 1 else []), f"--threads {self.threads}"])


def as_dict(document: Document) -> dict[str, Any]:
    """What JSON holds: the measurement, and for readers the numbers that follow from it."""
    return {
        "schema": SCHEMA,
        "preset": document.preset,
        "only": list(document.only),
        "threads": document.threads,
        "command": document.command,
        **document.about,
        "results": [_result_dict(result) for result in document.results],
    }


def _result_dict(result: Result) -> dict[str, Any]:
    found = {
        field.name: getattr(result, field.name)
        for field in dataclasses.fields(result)
        if field.name not in ("repeats", "memory")
    }
    found["memory"] = dataclasses.asdict(result.memory) if result.memory else None
    found["repeats"] = [[_sample_dict(sample) for sample in repeat] for repeat in result.repeats]
    if result.status == OK and result.samples:
        found["figures"] = {name: _plain(value) for name, value in dataclasses.asdict(figures(result)).items()}
        found["stage_seconds"] = {name: _plain(value) for name, value in stage_seconds(result).items()}
    return found


def _sample_dict(sample: Sample) -> dict[str, Any]:
    found: dict[str, Any] = {name: _plain(getattr(sample, name)) for name in _NUMBERS}
    if sample.stages:
        found["stages"] = {name: _plain(value) for name, value in sample.stages.items()}
    return found


def _plain(value: float) -> float | None:
    """A number with six digits; null where there is none."""
    return float(f"{value:.{_ROUND}g}") if math.isfinite(value) else None


def write(document: Document, path: Path) -> None:
    """Write the JSON, whole or not at all; a file that is there is replaced.

    Raises
    ------
    DataError
        LS-310 if the file cannot be written.
    """
    write_text(path, json.dumps(as_dict(document), indent=1, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all.

    Raises
    ------
    DataError
        LS-310 if it cannot be written.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises
    ------
    DataError
        LS-310 if it cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DataError(
            310,
            str(path),
            got=error.strerror or "not writable",
            expected="The file must be writable",
            remedy="Name a file in an existing folder",
        ) from error


def read(path: Path) -> Document:
    """Read a measurement.

    Raises
    ------
    DataError
        LS-301 if there is no such file, LS-302 if it holds no measurement of this kind.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(301, str(path), expected="No such file", remedy="Make it with leachsim bench --json") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise _unreadable(path, f"schema {found.get('schema')!r}" if isinstance(found, dict) else "no object")
    try:
        results = tuple(_result(entry) for entry in found["results"])
        known = ("schema", "preset", "only", "threads", "command", "results")
        about = {name: value for name, value in found.items() if name not in known}
        return Document(str(found["preset"]), tuple(found["only"]), int(found["threads"]), about, results)
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from error


def _unreadable(path: Path, got: str) -> DataError:
    return DataError(
        302,
        str(path),
        got=got,
        expected=f"Must be a measurement written by leachsim bench --json ({SCHEMA})",
        remedy="Measure again with this version",
    )


def _result(entry: dict[str, Any]) -> Result:
    if entry["status"] not in STATUSES:
        raise ValueError(f"status {entry['status']!r}")
    memory = Memory(**entry["memory"]) if entry["memory"] else None
    repeats = tuple(tuple(_sample(sample) for sample in repeat) for repeat in entry["repeats"])
    if entry["status"] == OK and not any(repeats):
        raise ValueError(f"{entry['task']} has no times")
    names = [field.name for field in dataclasses.fields(Result) if field.name not in ("repeats", "memory")]
    return Result(**{name: entry[name] for name in names}, repeats=repeats, memory=memory)


def _sample(entry: dict[str, Any]) -> Sample:
    numbers = {name: math.nan if entry[name] is None else float(entry[name]) for name in _NUMBERS}
    if not numbers["seconds"] > 0.0:
        raise ValueError(f"seconds {entry['seconds']}")
    return Sample(stages=entry.get("stages", {}), **numbers)


_NUMBERS = ("seconds", "stream", "stream_threads", "jump")


def chosen(results: Sequence[Result], task: str) -> list[Result]:
    """Results of one task, in order of size."""
    return sorted((result for result in results if result.task == task), key=lambda result: result.size)
