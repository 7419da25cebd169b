"""Entry point of the command ``leachsim``: builds the verbs, runs one, turns every failure into an exit code.

Exit codes: 0 done, 1 mistake in LeachSim, 2 scenario or command line wrong, 3 data missing or unreadable,
4 balance does not close, 130 interrupted.
"""

from __future__ import annotations

import errno
import functools
import io
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import typer

from sim.cli import bench, check, info, new, report, run, schema, terrain, warmup
from sim.cli.streams import complain, print_json
from sim.errors import EXIT_BUG, EXIT_DONE, EXIT_SCENARIO, DataError, Interrupted, LeachSimError, Problems

_DISK_FULL = tuple(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name))
_GRACE_SECONDS = 5.0
_EXIT_CODES = (
    "Exit codes: 0 done, 1 mistake in LeachSim, 2 scenario or command wrong, 3 data missing or unreadable, "
    "4 balance does not close, 130 interrupted."
)
_VERBS = (new.new, check.check, run.run, report.report, info.info, schema.schema, warmup.warmup, bench.bench)
#: name -> help, verbs below it
_GROUPS: dict[str, tuple[str, tuple[Callable[..., None], ...]]] = {"terrain": (terrain.HELP, terrain.VERBS)}


def build_app() -> typer.Typer:
    """Make the command with all its verbs."""
    app = typer.Typer(
        name="leachsim",
        help="Where leachate from in-situ leaching pits goes, and who is exposed to it.",
        epilog=_EXIT_CODES,
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for verb in _VERBS:
        app.command(verb.__name__)(_interruptible(verb, verb.__name__))
    for name, (words, verbs) in _GROUPS.items():
        group = typer.Typer(name=name, help=words, rich_markup_mode=None)
        for each in verbs:
            group.command(each.__name__)(_interruptible(each, f"{name} {each.__name__}"))
        app.add_typer(group)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        from sim import __version__

        print(f"leachsim {__version__}")
        raise typer.Exit


def _options(
    version: bool = typer.Option(
        False, "--version", help="Print the version and stop.", is_eager=True, callback=_print_version
    ),
) -> None:
    """Where leachate from in-situ leaching pits goes, and who is exposed to it."""


def _interruptible(verb: Callable[..., None], name: str) -> Callable[..., None]:
    """Let `verb` end with LS-501 when the user stops it."""

    @functools.wraps(verb)
    def call(*args: Any, **kwargs: Any) -> None:
        try:
            verb(*args, **kwargs)
        except KeyboardInterrupt:
            raise _interrupted(name) from None

    return call


def _interrupted(verb: str) -> Interrupted:
    return Interrupted(
        501,
        f"leachsim {verb}",
        expected="Stopped before it was done; no unfinished run folder was left behind",
        remedy="Start the same command again",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after ``leachsim``; those of the process when omitted.

    Returns
    -------
    int
        Exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    previous = _catch_signals()
    try:
        with warnings.catch_warnings():
            if not _debugging():
                warnings.showwarning = _keep_quiet
            return _guarded(words)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _debugging() -> bool:
    return os.environ.get("LEACHSIM_DEBUG", "") not in ("", "0")


def _keep_quiet(*_: object, **__: object) -> None:
    """Python's warnings speak to developers; what a user must know is in the run's own warnings."""


def _guarded(words: list[str]) -> int:
    """Run the verb and turn what it raises into messages and an exit code."""
    verb = words[0] if not words[0].startswith("-") else ""
    as_json = "--json" in words
    try:
        done = typer.main.get_command(build_app()).main(words, prog_name="leachsim", standalone_mode=False)
        sys.stdout.flush()
        return done if isinstance(done, int) else EXIT_DONE
    except LeachSimError as error:
        return _tell(error, as_json)
    except KeyboardInterrupt:
        return _tell(_interrupted(verb), as_json)
    except MemoryError:
        return _tell(_too_large(verb), as_json)
    except BrokenPipeError:
        return _reader_gone()
    except SystemExit as stop:  # typer's answer to a broken pipe
        if isinstance(stop.__context__, BrokenPipeError):
            return _reader_gone()
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            return _tell(_disk_full(error), as_json)
        if hasattr(error, "format_message"):  # what typer raises about the words themselves
            return _tell_usage(error.format_message(), verb, as_json)
        return _tell_bug(error, verb, as_json)


def _reader_gone() -> int:
    """The reader of stdout has seen enough, as in ``leachsim info | head``; nothing is wrong."""
    if sys.__stdout__ is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())
    return EXIT_DONE


def _tell(error: LeachSimError, as_json: bool) -> int:
    """Print every problem on its own line of stderr and, if asked, one JSON document on stdout."""
    problems = list(error.problems) if isinstance(error, Problems) else [error]
    for problem in problems:
        complain(problem.text())
    if as_json:
        found = [problem.as_dict() for problem in problems]
        print_json({"status": "error", "exit_code": error.exit_code, "problems": found})
    return error.exit_code


def _tell_usage(message: str, verb: str, as_json: bool) -> int:
    """Say what is wrong with the words after ``leachsim``."""
    known = {each.__name__ for each in _VERBS} | set(_GROUPS)
    help_of = f"leachsim {verb} --help" if verb in known else "leachsim --help"
    message = message if message.endswith((".", "?", "!")) else f"{message}."
    complain(f"leachsim: {message} See: {help_of}")
    if as_json:
        problem = {
            "code": "usage",
            "where": f"leachsim {verb}".strip(),
            "got": "",
            "expected": message,
            "remedy": f"See: {help_of}",
            "exit_code": EXIT_SCENARIO,
        }
        print_json({"status": "error", "exit_code": EXIT_SCENARIO, "problems": [problem]})
    return EXIT_SCENARIO


def _tell_bug(error: Exception, verb: str, as_json: bool) -> int:
    """Say that LeachSim itself failed, and what to do with that."""
    found = LeachSimError(
        101,
        f"leachsim {verb}".strip(),
        got=f"{type(error).__name__}: {error}",
        expected="This is a mistake in LeachSim, not in your scenario",
        remedy="Please report it with the scenario and the output of `leachsim info`, as CONTRIBUTING.md says; "
        "LEACHSIM_DEBUG=1 shows the traceback",
    )
    if _debugging():
        traceback.print_exception(error)
    _tell(found, as_json)
    return EXIT_BUG


def _too_large(verb: str) -> DataError:
    return DataError(
        311,
        f"leachsim {verb}".strip(),
        expected="The run needs more memory than this machine gives",
        remedy="`leachsim check` states the need; use a coarser terrain.resolution or smaller terrain.bounds",
    )


def _disk_full(error: OSError) -> DataError:
    return DataError(
        310,
        str(error.filename or "output"),
        got=error.strerror or "disk full",
        expected="The disk must have room for the results",
        remedy="Free some space or choose another folder with --out",
    )


def _catch_signals() -> dict[int, Any]:
    """Make Ctrl-C and SIGTERM raise KeyboardInterrupt once, so that cleaning up is not itself interrupted.

    Further signals are ignored for some seconds; after that they count again. A signal that the caller had set to be
    ignored (a job in the background) stays ignored. Only the main thread may set handlers; elsewhere nothing is done.
    """
    first: list[float] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if first and time.monotonic() - first[0] < _GRACE_SECONDS:
            return
        first[:] = [time.monotonic()]
        raise KeyboardInterrupt

    previous: dict[int, Any] = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            if signal.getsignal(number) is not signal.SIG_IGN:
                previous[number] = signal.signal(number, stop)
        except ValueError:
            return previous
    return previous


if __name__ == "__main__":
    sys.exit(main())
