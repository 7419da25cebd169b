"""Numbers of one result: medians, spread, and ratios to the machine's references."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from sim.benchmarking.objects import OK, Result, Sample
from sim.benchmarking.references import TRIAD_BYTES

#: a normal distribution's interquartile range, in standard deviations
_QUARTILES = 1.349


@dataclass(frozen=True)
class Figures:
    """What a table shows of one result; nan where something is not known.

    Parameters
    ----------
    seconds : s, median over all turns
    spread : 1, interquartile range over median
    each : s per item
    ratio : 1, time per item over time per element of the triad on one thread, median of the ratios of single turns
    jumps : 1, time per item over time of a dependent random access
    floor : 1, time over the time its bytes need at the triad's bandwidth, on one thread or all, whichever is faster
    bytes_per_item : extra peak memory per item
    process_bytes : peak memory of the whole process
    score : 1 / ratio
    """

    seconds: float
    spread: float
    each: float
    ratio: float
    jumps: float
    floor: float
    bytes_per_item: float
    process_bytes: float
    score: float


def figures(result: Result) -> Figures:
    """Numbers of one result.

    Raises
    ------
    ValueError
        If the result has no times.

    Examples
    --------
    >>> sample = Sample(2.0, 1e-9, 1e-9, 1e-7)
    >>> result = Result("t", 1, "leachsim", "ok", "", "1", "cell", 100_000_000, 12.0, ((sample,),))
    >>> found = figures(result)
    >>> round(found.each * 1e9, 9), round(found.ratio, 9), round(found.floor, 9)
    (20.0, 20.0, 40.0)
    """
    samples = result.samples
    if result.status != OK or not samples:
        raise ValueError(f"{result.entrant} has no times for {result.task}: {result.status}")
    seconds = statistics.median(sample.seconds for sample in samples)
    score = math.exp(statistics.median(math.log(value) for value in scores(result, samples)))
    memory = result.memory
    return Figures(
        seconds=seconds,
        spread=quartile_range([sample.seconds for sample in samples]) / seconds,
        each=seconds / result.items,
        ratio=1.0 / score,
        jumps=statistics.median(sample.seconds / result.items / sample.jump for sample in samples),
        floor=statistics.median(_over_floor(result, sample) for sample in samples),
        bytes_per_item=memory.extra / result.items if memory else math.nan,
        process_bytes=float(memory.process) if memory else math.nan,
        score=score,
    )


def scores(result: Result, samples: Sequence[Sample]) -> list[float]:
    """Score of every turn: time per element of the triad just then over time per item; larger is better."""
    return [sample.stream * result.items / sample.seconds for sample in samples]


def over_floor(result: Result, seconds: float, floor_bytes: float) -> float:
    """Seconds over the time that so many bytes per item need at the triad's bandwidth; nan if they are not known."""
    per_byte = statistics.median(min(sample.stream, sample.stream_threads) for sample in result.samples) / TRIAD_BYTES
    return seconds / (floor_bytes * result.items * per_byte) if floor_bytes else math.nan


def _over_floor(result: Result, sample: Sample) -> float:
    if not result.floor_bytes:
        return math.nan
    per_byte = min(sample.stream, sample.stream_threads) / TRIAD_BYTES
    return sample.seconds / (result.floor_bytes * result.items * per_byte)


def quartile_range(values: Sequence[float]) -> float:
    """Third minus first quartile; 0 for a single value."""
    if len(values) < 2:
        return 0.0
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return third - first


def deviation(values: Sequence[float]) -> float:
    """Standard deviation by the quartiles, which a few disturbed executions do not move."""
    return quartile_range(values) / _QUARTILES


def stage_seconds(result: Result) -> dict[str, float]:
    """Median seconds of every stage the entrant tells, in its order."""
    names = dict.fromkeys(name for sample in result.samples for name in sample.stages)
    return {
        name: statistics.median(sample.stages[name] for sample in result.samples if name in sample.stages)
        for name in names
    }


def beside(ours: Result, other: Result) -> float:
    """How many times longer the other took than we did, median over the rounds both worked in."""
    rounds = [
        theirs.seconds / mine.seconds
        for mine_repeat, their_repeat in zip(ours.repeats, other.repeats, strict=False)
        for mine, theirs in zip(mine_repeat, their_repeat, strict=False)
    ]
    return statistics.median(rounds)
