"""Run a preset and return the document; measure again what seems to have become slower."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sim.benchmarking.compare import FALLEN, Verdict, beside, compare
from sim.benchmarking.document import Document
from sim.benchmarking.machine import LoadWatch, commit, machine, processors, versions
from sim.benchmarking.measure import BASE, Progress, Setting, measure, merged, worker_setting
from sim.benchmarking.objects import OK, OURS, Job, Result
from sim.benchmarking.presets import plan

#: how often what seems slower is measured again before it is told
CONFIRMATIONS = 2
TIMEOUT = 900.0


def bench(
    preset: str,
    only: Sequence[str] = (),
    *,
    threads: int | None = None,
    repeats: int = 1,
    against: Document | None = None,
    base: str | None = None,
    timeout: float = TIMEOUT,
    progress: Progress = lambda _: None,
) -> tuple[Document, list[Verdict]]:
    """Measure a preset, and judge it against another measurement or another installation.

    Parameters
    ----------
    preset, only : as for `plan`
    threads : int, given to every entrant; all processors by default
    repeats : int, how often everything is measured in new processes
    against : Document to compare with
    base : interpreter of another LeachSim installation, whose times are taken in the same rounds
    timeout : s, longest wait for one execution
    progress : called with a line before every job

    Returns
    -------
    the measurement, and the verdicts on it (none if there is nothing to compare with)

    Raises
    ------
    ScenarioError
        LS-207 if preset or task is not known.
    """
    jobs = plan(preset, only)
    threads = threads or processors()
    with tempfile.TemporaryDirectory(prefix="leachsim-bench-") as folder:
        setting = worker_setting(Path(folder), threads, timeout, base)
        watch = LoadWatch()
        results = measure(jobs, setting, repeats=repeats, progress=progress)
        verdicts = judged(results, against, base is not None)
        if any(verdict.verdict == FALLEN for verdict in verdicts):
            results, verdicts = confirmed(jobs, results, verdicts, setting, against, progress)
        load = watch.seen()
    document = Document(preset, tuple(only), threads, about(jobs, load), tuple(results))
    return document, verdicts


def about(jobs: Sequence[Job], load: dict[str, Any]) -> dict[str, Any]:
    """Moment, machine, versions, commit and load, as the document holds them."""
    packages = dict.fromkeys(entrant.package for job in jobs for entrant in job.task.entrants)
    return {
        "moment": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "versions": versions(packages),
        "load": load,
    }


def judged(results: Sequence[Result], against: Document | None, has_base: bool) -> list[Verdict]:
    """Verdicts against a document or against the other installation."""
    if has_base:
        return beside(results, BASE)
    return compare(against.results, results) if against is not None else []


def confirmed(
    jobs: Sequence[Job],
    results: Sequence[Result],
    verdicts: Sequence[Verdict],
    setting: Setting,
    against: Document | None,
    progress: Progress = lambda _: None,
) -> tuple[list[Result], list[Verdict]]:
    """Measure again what seems slower; it stays so only if every new measurement says the same.

    A disturbance lasts seconds; a slower program stays slower.

    Returns
    -------
    all results, with what was measured again as further repeats; the verdicts
    """
    kept = {result.key: result for result in results}
    told = {(verdict.task, verdict.size): verdict for verdict in verdicts}
    for turn in range(CONFIRMATIONS):
        suspects = [job for job in jobs if _is_fallen(told.get((job.task.name, job.size)))]
        if not suspects:
            break
        again = [replace(job, memory=False, peers=False) for job in suspects]
        progress(f"measuring again what seems slower ({turn + 1} of {CONFIRMATIONS})")
        fresh = measure(again, setting, repeats=1, progress=progress)
        for verdict in judged(fresh, against, setting.base is not None):
            told[verdict.task, verdict.size] = verdict
        for result in fresh:
            # peers did not take part: their rounds must stay beside ours, round by round
            if result.entrant in (OURS, BASE) and result.status == OK and result.key in kept:
                kept[result.key] = merged(kept[result.key], result)
    return list(kept.values()), [told[verdict.task, verdict.size] for verdict in verdicts]


def _is_fallen(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.verdict == FALLEN
