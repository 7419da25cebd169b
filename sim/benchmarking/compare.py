"""Has something become slower? Scores are compared, with the noise that repeats have shown.

The score of one turn is the time per element of a triad measured just before and after it, over the time per item of
its best execution. A measurement's score is the median over its turns, and the centre of several repeats is their
median. The noise of one measurement is the larger of

- the standard deviation between the repeats' scores (three repeats or more), which holds what changes from process to
  process: layout of memory, frequency, neighbours; and
- the standard error of the median within repeats, 1.2533 s / sqrt(rounds).

A score has fallen when it lies below the base's by more than `SIGMAS` times the two noises together, and by more than
`LEAST_BAND` (`LEAST_BAND_UNLEARNED` where no side has three repeats). Where that band is wider than `WIDEST_BAND`, the
measurement is too noisy to judge, and is said to be. All of it in logarithms, so that twice as slow and twice as fast
are equally far.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from sim.benchmarking.figures import deviation, scores
from sim.benchmarking.objects import OK, OURS, Result

SIGMAS = 3.0
#: falls below this are never told: logarithm of the ratio of scores
LEAST_BAND = 0.08
#: the same where neither side has repeats enough to show what changes between processes
LEAST_BAND_UNLEARNED = 0.15
#: a band above this would hide a slowdown by 30 %
WIDEST_BAND = 0.25
_MEDIAN_ERROR = 1.2533
_REPEATS_TO_LEARN = 3
#: beginning of the names of tasks that time the machine itself
_REFERENCES = "machine "

SAME, FALLEN, RISEN, NOISY, LOST, NEW = "same", "slower", "faster", "too noisy to judge", "no longer works", "new"


@dataclass(frozen=True)
class Verdict:
    """What became of one result of the base.

    Parameters
    ----------
    task, size : which
    verdict : "same", "slower", "faster", "too noisy to judge", "no longer works" or "new"
    base, now : score, nan where there is none
    change : 1, share by which the time in terms of the triad grew; 0.3 is 30 % slower
    band : 1, share that noise alone may make
    message : str, why it no longer works
    """

    task: str
    size: int
    verdict: str
    base: float
    now: float
    change: float
    band: float
    message: str = ""

    @property
    def alarm(self) -> bool:
        """Whether this must fail a check."""
        return self.verdict in (FALLEN, LOST)


@dataclass(frozen=True)
class Level:
    """Centre of a score and its noise, both as logarithms."""

    centre: float
    noise: float
    learned: bool


def level(repeats: Sequence[Sequence[float]]) -> Level:
    """Centre and noise of scores, repeat by repeat.

    Parameters
    ----------
    repeats : scores of every turn; at least one

    Examples
    --------
    >>> round(level([[1.0, 1.1, 0.9]] * 3).centre, 9)
    0.0
    """
    logs = [[math.log(value) for value in repeat] for repeat in repeats if repeat]
    medians = [statistics.median(repeat) for repeat in logs]
    within = statistics.median(_MEDIAN_ERROR * deviation(repeat) / math.sqrt(len(repeat)) for repeat in logs)
    learned = len(medians) >= _REPEATS_TO_LEARN
    between = statistics.stdev(medians) if learned else 0.0
    return Level(statistics.median(medians), max(within, between), learned)


def judge(base: Level, now: Level) -> tuple[str, float]:
    """Verdict on a score, and the band in logarithms.

    A side with too few repeats to show what changes between processes is taken to be as noisy as the other side.

    Examples
    --------
    >>> judge(Level(0.0, 0.01, True), Level(-math.log(1.3), 0.01, True))[0]
    'slower'
    >>> judge(Level(0.0, 0.01, True), Level(0.05, 0.01, True))[0]
    'same'
    """
    noises = [
        side.noise if side.learned or not other.learned else max(side.noise, other.noise)
        for side, other in ((base, now), (now, base))
    ]
    least = LEAST_BAND if base.learned or now.learned else LEAST_BAND_UNLEARNED
    band = max(SIGMAS * math.hypot(*noises), least)
    change = now.centre - base.centre
    if change < -max(band, WIDEST_BAND):  # beyond even a wide band it is no noise
        return FALLEN, band
    if band > WIDEST_BAND:
        return NOISY, band
    if change < -band:
        return FALLEN, band
    return (RISEN if change > band else SAME), band


def compare(base: Sequence[Result], now: Sequence[Result]) -> list[Verdict]:
    """Judge every result of ours against the base.

    Results of the base that were not measured now are passed over (another preset, ``--only``); peers and references
    are not judged.

    Parameters
    ----------
    base, now : results of two measurements

    Returns
    -------
    one verdict per result measured now
    """
    known = {result.key: result for result in base if result.entrant == OURS}
    return [_verdict(known.get(result.key), result) for result in now if _is_judged(result)]


def _is_judged(result: Result) -> bool:
    """Ours, and not the references themselves: those say what the machine does, not what LeachSim does."""
    return result.entrant == OURS and not result.task.startswith(_REFERENCES)


def _verdict(base: Result | None, now: Result) -> Verdict:
    if base is None or base.status != OK:
        return Verdict(now.task, now.size, NEW, math.nan, _score(now), math.nan, math.nan, now.message)
    if now.status != OK:
        message = f"{now.status}: {now.message}"
        return Verdict(now.task, now.size, LOST, _score(base), math.nan, math.nan, math.nan, message)
    if math.isnan(_score(base)) or math.isnan(_score(now)):
        message = "timed without references"
        return Verdict(now.task, now.size, NOISY, _score(base), _score(now), math.nan, math.nan, message)
    before, after = _level_of(base), _level_of(now)
    verdict, band = judge(before, after)
    change = math.expm1(before.centre - after.centre)
    return Verdict(
        now.task, now.size, verdict, math.exp(before.centre), math.exp(after.centre), change, math.expm1(band)
    )


def _level_of(result: Result) -> Level:
    return level([scores(result, repeat) for repeat in result.repeats])


def _score(result: Result) -> float:
    """Centre of the scores; nan without times or references."""
    if result.status != OK or any(math.isnan(sample.stream) for sample in result.samples):
        return math.nan
    return math.exp(_level_of(result).centre)


def beside(results: Sequence[Result], name: str) -> list[Verdict]:
    """Judge ours against another installation's, timed in the same rounds: the triad cancels, and so does most noise.

    Parameters
    ----------
    results : of one measurement
    name : entrant that stands for the base
    """
    others = {(result.task, result.size): result for result in results if result.entrant == name}
    verdicts = []
    for now in results:
        if not _is_judged(now) or (now.task, now.size) not in others:
            continue
        base = others[now.task, now.size]
        if base.status != OK or now.status != OK:
            verdicts.append(_verdict(base, now))
            continue
        ratios = [
            [theirs.seconds / ours.seconds for ours, theirs in zip(one, other, strict=False)]
            for one, other in zip(now.repeats, base.repeats, strict=False)
        ]
        found = level(ratios)
        verdict, band = judge(Level(0.0, 0.0, found.learned), found)
        verdicts.append(
            Verdict(now.task, now.size, verdict, _score(base), _score(now), math.expm1(-found.centre), math.expm1(band))
        )
    return verdicts
