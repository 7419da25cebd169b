"""Tables of a measurement, as rows of text: the screen and the documentation show the same."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sim.benchmarking.compare import LOST, NEW, Verdict
from sim.benchmarking.figures import beside, figures, over_floor, stage_seconds
from sim.benchmarking.objects import OK, OURS, Result

Row = tuple[str, ...]

RESULT_HEAD: Row = ("who", "items", "time", "ns/item", "x triad", "x jump", "x floor", "B/item", "peak", "x ours", "+-")
#: what the columns mean, for the foot of a table
RESULT_NOTES = (
    "time: median over turns; a turn is one execution, or where nobody else takes part the best of those in 0.2 s",
    "x triad: time per item over time per element of a = b + q c (24 bytes) on one thread in the same process",
    "x jump: time per item over time of one dependent random access in 64 MiB",
    "x floor: time over the time the bytes need that must cross the memory bus at least once",
    "B/item, peak: memory beyond the input in a fresh process, and of the whole process",
    "x ours: how many times longer than LeachSim in the same rounds",
    "+-: interquartile range of the times over their median",
)


def result_rows(results: Sequence[Result]) -> list[Row]:
    """One row per result of one task; who gave no times says why in the place of the time."""
    ours = {result.size: result for result in results if result.entrant == OURS and result.status == OK}
    return [_row(result, ours.get(result.size)) for result in results]


def _row(result: Result, ours: Result | None) -> Row:
    who = f"{result.entrant} {result.version}".strip()
    if result.status != OK:
        words = f"{result.status}: {result.message}" if result.message else result.status
        return (who, f"{result.items:,}", words, *[""] * (len(RESULT_HEAD) - 3))
    found = figures(result)
    times = beside(ours, result) if ours is not None and ours is not result else math.nan
    per_item = (found.each * 1e9, found.ratio, found.jumps, found.floor)
    extra = digits(found.bytes_per_item) if result.items > 1 else ""
    return (
        who,
        f"{result.items:,}",
        duration(found.seconds),
        *(digits(value) if result.items > 1 else "" for value in per_item),
        extra,
        size(found.process_bytes),
        digits(times),
        f"{100 * found.spread:.0f} %",
    )


def stage_rows(result: Result, floor_bytes: Mapping[str, float]) -> list[Row]:
    """One row per stage.

    Parameters
    ----------
    result : Result with stages
    floor_bytes : bytes per item each stage must move, where that is known
    """
    total = figures(result).seconds
    rows: list[Row] = []
    for name, seconds in stage_seconds(result).items():
        times = over_floor(result, seconds, floor_bytes.get(name, math.nan))
        each = digits(seconds / result.items * 1e9) if result.items > 1 else ""
        rows.append((name, duration(seconds), f"{100 * seconds / total:.0f} %", each, digits(times)))
    return rows


STAGE_HEAD: Row = ("stage", "time", "share", "ns/item", "x floor")


def growth_rows(results: Sequence[Result]) -> tuple[Row, list[Row]]:
    """ns per item of every entrant of one task, a column per size."""
    sizes = sorted({result.items for result in results})
    entrants = dict.fromkeys(result.entrant for result in results)
    known = {(result.entrant, result.items): result for result in results if result.status == OK}
    rows = []
    for entrant in entrants:
        cells = [known.get((entrant, items)) for items in sizes]
        rows.append((entrant, *(digits(figures(each).each * 1e9) if each else "-" for each in cells)))
    return ("ns/item at", *(f"{items:,}" for items in sizes)), rows


VERDICT_HEAD: Row = ("task", "size", "score before", "score now", "time", "noise", "verdict")


def verdict_rows(verdicts: Sequence[Verdict]) -> list[Row]:
    """One row per verdict, alarms first."""
    ranked = sorted(verdicts, key=lambda verdict: not verdict.alarm)
    return [
        (
            verdict.task,
            f"{verdict.size:,}",
            digits(verdict.base),
            digits(verdict.now),
            "" if math.isnan(verdict.change) else f"{100 * verdict.change:+.0f} %",
            "" if math.isnan(verdict.band) else f"{100 * verdict.band:.0f} %",
            f"{verdict.verdict} ({verdict.message})" if verdict.message else verdict.verdict,
        )
        for verdict in ranked
    ]


def verdict_sentence(verdicts: Sequence[Verdict]) -> str:
    """What the table comes to.

    Examples
    --------
    >>> verdict_sentence([])
    'Nothing to compare.'
    """
    if not verdicts:
        return "Nothing to compare."
    alarms = [verdict for verdict in verdicts if verdict.alarm]
    judged = sum(not math.isnan(verdict.band) for verdict in verdicts)
    noisy = sum(verdict.verdict == "too noisy to judge" for verdict in verdicts)
    lost = sum(verdict.verdict == LOST for verdict in verdicts)
    new = sum(verdict.verdict == NEW for verdict in verdicts)
    parts = [f"{judged} compared"]
    parts += [f"{noisy} too noisy to judge"] if noisy else []
    parts += [f"{new} without a base"] if new else []
    parts += [f"{lost} no longer work"] if lost else []
    slower = len(alarms) - lost
    parts.append(f"{slower} slower" if slower else "none slower")
    return ", ".join(parts) + "."


def text_table(head: Row, rows: Sequence[Row]) -> str:
    """Columns for the screen, the first to the left, the others to the right; empty columns are left out.

    Examples
    --------
    >>> print(text_table(("who", "ns"), [("a", "1.5"), ("bcd", "12")]))
    who   ns
    a    1.5
    bcd   12
    """
    head, rows = _without_empty(head, rows)
    # a long message in one cell must not widen its column
    widths = [
        max(len(head[i]), *(len(row[i]) for row in rows if row[i + 1 : i + 2] != ("",)), 0) if rows else len(head[i])
        for i in range(len(head))
    ]
    lines = []
    for row in (head, *rows):
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _without_empty(head: Row, rows: Sequence[Row]) -> tuple[Row, list[Row]]:
    kept = [i for i in range(len(head)) if i == 0 or any(row[i] for row in rows)]
    return tuple(head[i] for i in kept), [tuple(row[i] for i in kept) for row in rows]


def markdown_table(head: Row, rows: Sequence[Row]) -> str:
    """The same for the documentation."""
    head, rows = _without_empty(head, rows)
    cells = [head, ("---", *["---:"] * (len(head) - 1)), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells)


def digits(value: float) -> str:
    """Three significant digits, empty for nan.

    Examples
    --------
    >>> digits(0.01234), digits(3.14159), digits(1234567.0), digits(float("nan"))
    ('0.0123', '3.14', '1,234,567', '')
    """
    if math.isnan(value):
        return ""
    if value == 0.0:
        return "0"
    rounded = float(f"{abs(value):.3g}")  # 99.96 becomes 100, without a digit behind the point
    places = max(2 - math.floor(math.log10(rounded)), 0)
    return f"{value:,.{places}f}"


def duration(seconds: float) -> str:
    """Seconds in a unit that needs few digits.

    Examples
    --------
    >>> duration(0.00123), duration(12.3456)
    ('1.23 ms', '12.3 s')
    """
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1.0:
            return f"{digits(seconds * factor)} {unit}"
    return f"{digits(seconds * 1e9)} ns"


def size(bytes_: float) -> str:
    """Bytes in MB or GB, empty for nan."""
    if math.isnan(bytes_):
        return ""
    return f"{bytes_ / 1e9:.2f} GB" if bytes_ >= 1e9 else f"{bytes_ / 1e6:.0f} MB"
