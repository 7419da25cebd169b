"""What goes where: results on stdout, progress and problems on stderr, user text made harmless."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.status import Status


def clean(text: object) -> str:
    """Make text of a user safe for a terminal: no control character or direction mark survives as such.

    Examples
    --------
    >>> clean("Chip" + chr(27) + "[31mwi")
    'Chip\\\\x1b[31mwi'
    """
    parts = []
    for sign in str(text):
        if sign.isprintable():
            parts.append(sign)
        elif sign.isspace():
            parts.append(" ")
        else:
            parts.append(sign.encode("unicode_escape").decode("ascii"))
    return "".join(parts)


def plain(value: object) -> Any:
    """Turn a value into what JSON knows; numbers that are not finite become null.

    Examples
    --------
    >>> plain({"path": Path("a"), "x": float("nan"), "y": (1, 2)})
    {'path': 'a', 'x': None, 'y': [1, 2]}
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return plain(value.tolist())
    return str(value)


def print_json(document: Mapping[str, object]) -> None:
    """Print exactly one JSON document on stdout; only ASCII, so any console can carry it."""
    print(json.dumps(plain(document), indent=2, allow_nan=False))


def complain(line: str) -> None:
    """Print one line about a problem on stderr."""
    print(clean(line), file=sys.stderr, flush=True)


class Progress:
    """Tell on stderr what is being done: a spinner on a terminal, else one plain line per message.

    Parameters
    ----------
    quiet : bool
        Say nothing at all.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._status: Status | None = None
        self._message = ""
        self._since = 0.0

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True, highlight=False).status("starting")
            self._status.start()
        return self

    def __call__(self, message: str) -> None:
        """Announce the next piece of work."""
        if self._quiet:
            return
        if self._status is None:
            complain(message)
            return
        from rich.markup import escape

        self._finish_line()
        self._message, self._since = clean(message), time.perf_counter()
        self._status.update(escape(self._message))

    def _finish_line(self) -> None:
        if self._status is not None and self._message:
            from rich.markup import escape

            seconds = time.perf_counter() - self._since
            self._status.console.print(f"[dim]{seconds:7.2f} s[/dim]  {escape(self._message)}")
            self._message = ""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            if kind is None:
                self._finish_line()
            self._status.stop()
            self._status = None


def display_path(path: Path) -> str:
    """A path as the user would type it: relative to the current folder when it lies inside it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
