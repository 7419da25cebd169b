"""A measurement as a page of Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.benchmarking.document import Document, chosen
from sim.benchmarking.figures import beside, figures
from sim.benchmarking.objects import OK, OURS, Result
from sim.benchmarking.tables import (
    RESULT_HEAD,
    RESULT_NOTES,
    STAGE_HEAD,
    digits,
    growth_rows,
    markdown_table,
    result_rows,
    stage_rows,
)
from sim.benchmarking.tasks import all_tasks

#: processors taken by other programs from which on a measurement is called disturbed
_DISTURBED = 0.2

_HEAD = """\
# Performance

How fast LeachSim is, beside other programs and beside what the machine can do at all. Seconds hold for one machine;
the ratios are meant to hold on any. Measured with

    {command}

and this page made from the result with `leachsim bench --from RESULT.json --markdown PAGE.md`.

## How it is measured

- Every entrant runs in a process of its own with the same number of threads, is warmed up on a small input (so no
  compiler is in any time; a time in which something was compiled is refused), and then they take turns, the order
  reversed every other round. Processes wait asleep for their turn.
- A turn is one execution. Where LeachSim is alone, it is the best of the executions that fit into 0.2 s (at most ten),
  because what is compared there are versions of LeachSim, and short work is easily disturbed. Tables show the median
  over turns.
- What is timed is the work itself, not making the input or copying it into another program's own types; the
  answer of every timed execution is checked: the outlets must drain every cell, a conservative substance must leave
  whole.
- A program that is missing, fails, crashes or answers wrongly is named as such; it counts as nothing, least of all as
  slow.
- Before and after every turn the same process times a triad (a = b + q c over arrays four times the largest
  cache) and dependent random accesses. Ratios are to these.
- Memory is the peak resident size in a fresh process without the references.
- Ground is synthetic: a fractal surface of 10 m cells, 400 m relief, tilted 0.02 to the south; "rough" has spectral
  slope 2.0 and 0.15 m of noise on every cell (about 4.4 pits per 100 cells), "smooth" 3.2 and 0.02 m (about 0.5).
"""


def page(document: Document, plot: str = "") -> str:
    """The whole page.

    Parameters
    ----------
    document : Document
    plot : str, link to the picture of growth curves; none when empty

    Examples
    --------
    >>> page(Document("smoke", (), 2, {}, ())).splitlines()[0]
    '# Performance'
    """
    parts = [
        _HEAD.format(command=document.command),
        _about(document.about, document.threads),
        _glance(document.results),
    ]
    if plot:
        parts.append(f"![Time per item against size]({plot})")
    for task in all_tasks().values():
        results = chosen(document.results, task.name)
        if results:
            parts.append(_section(results))
    parts.append("## Columns\n\n" + "\n".join(f"- {note}" for note in RESULT_NOTES))
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _about(about: dict[str, Any], threads: int) -> str:
    machine, load = about.get("machine", {}), about.get("load", {})
    versions = ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items())
    lines = [
        "## Where and when",
        "",
        f"- {machine.get('processor', 'unknown processor')}, {machine.get('processors', '?')} processors, "
        f"{threads} threads used, {machine.get('memory_bytes', 0) / 2**30:.0f} GiB of memory, largest cache "
        f"{machine.get('largest_cache_bytes', 0) / 2**20:.0f} MiB; {machine.get('system', '')}, "
        f"Python {machine.get('python', '')}",
        f"- {versions}",
        f"- commit {about.get('commit') or 'unknown'}, {about.get('moment', 'at an unknown time')}",
    ]
    if load:
        lines.append(
            f"- other load: {_known(load.get('processors_taken_by_others'))} processors taken by other programs on "
            f"average, {_known(load.get('processors_stolen_by_host'))} by other guests of the host"
        )
        if (load.get("processors_taken_by_others") or 0.0) > _DISTURBED:
            lines.append("- **disturbed**: other programs ran meanwhile; take the ratios below as rough")
    return "\n".join(lines)


def _glance(results: Sequence[Result]) -> str:
    """Ours at every size: time per item, distance to the limit of the memory, and the fastest other."""
    rows = []
    for ours in results:
        if ours.entrant != OURS or ours.status != OK or ours.items == 1 or ours.task.startswith("machine "):
            continue
        others = [each for each in results if each.key[:2] == ours.key[:2] and each.entrant != OURS]
        best = min((each for each in others if each.status == OK), key=lambda each: figures(each).seconds, default=None)
        found = figures(ours)
        beaten = ("", "") if best is None else (best.entrant, digits(beside(ours, best)))
        rows.append((ours.task, f"{ours.items:,}", digits(found.each * 1e9), digits(found.floor), *beaten))
    if not rows:
        return ""
    head = ("task", "items", "ns/item", "x memory bandwidth alone", "fastest other", "takes times as long")
    return "## At a glance\n\n" + markdown_table(head, rows)


def _known(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


def _section(results: Sequence[Result]) -> str:
    task = all_tasks()[results[0].task]
    lines = [f"## {task.name[0].upper()}{task.name[1:]}", "", f"{task.sentence[0].upper()}{task.sentence[1:]}."]
    if task.floor_says:
        lines.append(f"Floor: {task.floor_bytes:g} bytes per {task.unit} ({task.floor_says}).")
    for size in dict.fromkeys(result.size for result in results):
        found = [result for result in results if result.size == size]
        lines += ["", markdown_table(RESULT_HEAD, result_rows(found))]
        best = _best_peer(found)
        lines += ["", best] if best else []
    if len({result.size for result in results}) > 1:
        lines += ["", "Growth:", "", markdown_table(*growth_rows(results))]
    largest = [result for result in results if result.entrant == OURS and result.status == OK]
    for last in largest[-1:]:
        stages = stage_rows(last, task.stage_bytes)
        if stages:
            lines += ["", f"Stages at {last.items:,} {_plural(last)}:", "", markdown_table(STAGE_HEAD, stages)]
    return "\n".join(lines)


def _plural(result: Result) -> str:
    return result.unit if result.items == 1 else f"{result.unit}s"


def _best_peer(results: Sequence[Result]) -> str:
    ours = next((each for each in results if each.entrant == OURS and each.status == OK), None)
    peers = [each for each in results if each.entrant != OURS and each.status == OK]
    if ours is None or not peers:
        return ""
    best = min(peers, key=lambda peer: figures(peer).seconds)
    times = beside(ours, best)
    if times >= 1.0:
        return f"LeachSim is {digits(times)} times as fast as the fastest other, {best.entrant}."
    return f"LeachSim is {digits(1.0 / times)} times slower than the fastest other, {best.entrant}."
