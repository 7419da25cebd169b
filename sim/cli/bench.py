"""``leachsim bench``: how fast is it here, beside others and beside the machine, and has it become slower?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.options import QuietOption
from sim.cli.streams import Progress, clean, display_path

if TYPE_CHECKING:
    from sim.benchmarking.compare import Verdict
    from sim.benchmarking.document import Document

#: exit code when something is slower than before, or ours gave no right answer
EXIT_FALLEN = 1


def bench(
    preset: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="smoke (a minute), standard (an hour) or full.")
    ] = "smoke",
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="TASK", help="Only tasks whose name begins so, as in terrain; repeatable."),
    ] = None,
    repeats: Annotated[
        int,
        typer.Option(
            "--repeats", min=1, metavar="N", help="Measure all N times in new processes; a baseline wants 5 or more."
        ),
    ] = 1,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads", min=1, metavar="N", help="Threads of every entrant; all by default.", show_default=False
        ),
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the measurement.", show_default=False)
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write it as a page.", show_default=False)
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw growth curves as .png or .svg.", show_default=False),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            "--compare",
            metavar="FILE",
            help="Compare with a measurement written by --json; exit code 1 if a score fell by more than noise.",
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(
            "--base",
            metavar="PYTHON",
            help="Interpreter of another installation to time in the same rounds; exit code 1 if this one is slower.",
            show_default=False,
        ),
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Measure nothing; use what --json wrote.", show_default=False),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Measure speed and memory beside other programs and beside what the machine can do; tell what became slower."""
    from sim.benchmarking.document import read, write
    from sim.benchmarking.objects import LEFT_OUT, OK, OURS

    _refuse_contradictions(from_, base, compare)
    against = read(compare) if compare is not None else None
    if from_ is not None:
        document, verdicts = _judge_kept(read(from_), against)
    else:
        document, verdicts = _measure(preset, only or [], threads, repeats, against, base, quiet)
    if json is not None:
        write(document, json)
    _print_results(document)
    if markdown is not None:
        from sim.benchmarking.document import write_text
        from sim.benchmarking.page import page

        write_text(markdown, page(document, _link(markdown, plot)))
    if plot is not None:
        from sim.benchmarking.plot import write_plot

        write_plot(document, plot)
    for file in (json, markdown, plot):
        if file is not None:
            print(f"Written: {clean(display_path(file))}")
    if against is not None or base is not None:
        _print_verdicts(verdicts, against, document)
        if any(verdict.alarm for verdict in verdicts):
            raise typer.Exit(EXIT_FALLEN)
    if any(result.entrant == OURS and result.status not in (OK, LEFT_OUT) for result in document.results):
        raise typer.Exit(EXIT_FALLEN)


def _refuse_contradictions(from_: Path | None, base: Path | None, compare: Path | None) -> None:
    from sim.errors import DataError, ScenarioError

    if base is not None and (from_ is not None or compare is not None):
        other = "--from" if from_ is not None else "--compare"
        raise ScenarioError(
            209,
            f"--base and {other}",
            expected="Another installation is timed while measuring, and is then what is compared with",
            remedy=f"Leave {other} away",
        )
    if base is not None and not base.is_file():
        raise DataError(301, "--base", got=str(base), expected="No such interpreter", remedy="Name a python executable")


def _judge_kept(document: Document, against: Document | None) -> tuple[Document, list[Verdict]]:
    from sim.benchmarking.run import judged

    return document, judged(document.results, against, False)


def _measure(
    preset: str,
    only: Sequence[str],
    threads: int | None,
    repeats: int,
    against: Document | None,
    base: Path | None,
    quiet: bool,
) -> tuple[Document, list[Verdict]]:
    from sim.benchmarking.run import bench as measure

    with Progress(quiet=quiet) as progress:
        return measure(
            preset,
            only,
            threads=threads,
            repeats=repeats,
            against=against,
            # absolute, because workers start in a folder of their own; not resolved, because a virtual environment's
            # interpreter is a link and finds its packages by where the link lies
            base=None if base is None else str(base.absolute()),
            progress=progress,
        )


def _link(markdown: Path, plot: Path | None) -> str:
    """How the page refers to the picture: relative to itself where it can."""
    if plot is None:
        return ""
    import os

    try:
        return Path(os.path.relpath(plot, markdown.parent)).as_posix()
    except ValueError:  # another drive of Windows
        return plot.as_posix()


def _print_results(document: Document) -> None:
    from sim.benchmarking.document import chosen
    from sim.benchmarking.tables import RESULT_HEAD, RESULT_NOTES, result_rows, text_table

    for task in dict.fromkeys(result.task for result in document.results):
        results = chosen(document.results, task)
        print(f"{clean(task)} ({clean(results[0].unit)})")
        print(clean_lines(text_table(RESULT_HEAD, result_rows(results))))
        print()
    for note in RESULT_NOTES:
        print(f"  {note}")
    load = document.about.get("load", {})
    print(
        f"Threads: {document.threads}. Load averages before and after: {load.get('load_average_before')}, "
        f"{load.get('load_average_after')}; processors taken by others: {load.get('processors_taken_by_others')}, "
        f"by the host: {load.get('processors_stolen_by_host')}."
    )


def _print_verdicts(verdicts: Sequence[Verdict], against: Document | None, document: Document) -> None:
    from sim.benchmarking.tables import VERDICT_HEAD, text_table, verdict_rows, verdict_sentence

    print()
    print(clean_lines(text_table(VERDICT_HEAD, verdict_rows(verdicts))))
    if against is not None and _place(against) != _place(document):
        print("The base was measured on another machine or with other threads: only large changes mean something.")
    print(verdict_sentence(verdicts))


def _place(document: Document) -> tuple[object, ...]:
    machine = document.about.get("machine", {})
    return document.threads, machine.get("processor"), machine.get("processors")


def clean_lines(text: str) -> str:
    """`clean`, line by line: names and messages of engines must not steer the terminal."""
    return "\n".join(clean(line) for line in text.split("\n"))
