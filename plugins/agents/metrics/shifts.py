"""Finds when a curve left its own normal part, and by how much, with median and spread.

The affected part is the one that differs most from the rest, searched over all beginnings and
ends: the epidemic alternative of Levin and Kline, "CUSUM tests", Statistics in Medicine 4 (1985),
on values that are winsorised (Huber) so that single peaks do not count. Its size is judged against
the part before it, by median and MAD; 1.4826 makes the MAD comparable with a standard deviation
and 3.5 is the cut-off, both after Iglewicz and Hoaglin, "How to Detect and Handle Outliers"
(1993); since the best of m parts was picked, the cut-off rises by the largest that m draws of
noise give, about √(2 ln m). A change of less than a fifth passes unnoticed (Seow, "Designing and Engineering Time",
2008) and counts as none. What ended longer ago than it lasted is over and counts as none too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sre_orchestrator.plugins.agents.metrics.curves import Curve

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]
    Places = npt.NDArray[np.int64]

MAD_SCALE = 1.4826
CUT_OFF = 3.5
NOTICED = 1.2
POINTS = 64
FEWEST = 12
NORMAL_SHARE = 8
SHORTEST = 3
CLIP = 3.0
RESOLUTION = 0.01
LEVELS = 4  # with fewer, the steps between values are those of the change itself
HIGH = 0.9
CHUNK = 512


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How a curve changed, or that it did not (``direction`` is ``steady``).

    ``high`` is the 90th percentile of the affected part, ``began`` is in Unix seconds.
    """

    curve: Curve
    direction: str
    before: float
    after: float
    score: float = 0.0
    high: float = 0.0
    began: float = 0.0


def shifts(curves: Iterable[Curve]) -> list[Shift]:
    """Return each curve's shift; a curve with too few points has none."""
    grids: dict[bytes, list[Curve]] = {}
    for curve in curves:
        if len(curve.times) >= FEWEST:
            grids.setdefault(curve.times.tobytes(), []).append(curve)
    found: list[Shift] = []
    for group in grids.values():
        for start in range(0, len(group), CHUNK):
            found += _shifts(group[start : start + CHUNK])
    return found


def _shifts(group: Sequence[Curve]) -> list[Shift]:
    import numpy as np  # noqa: PLC0415 - slow to import

    times, rows = _binned(group[0].times, np.stack([curve.values for curve in group]))
    begins, ends = _affected(_filled(rows))
    return [
        shift
        for curve, row, begin, end in zip(group, rows, begins.tolist(), ends.tolist(), strict=True)
        if (shift := _judged(curve, times, row, begin, end))
    ]


def _binned(times: Array, rows: Array) -> tuple[Array, Array]:
    """Return at most ``POINTS`` points: means of neighbours, without what was not measured."""
    import numpy as np  # noqa: PLC0415

    width = -(-len(times) // POINTS)
    if width == 1:
        return times, rows
    starts = np.arange(0, len(times), width)
    known = np.isfinite(rows)
    sums = np.add.reduceat(np.where(known, rows, 0.0), starts, axis=1)
    counts = np.add.reduceat(known.astype(np.float64), starts, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return times[starts], np.where(counts > 0, sums / counts, np.nan)


def _filled(rows: Array) -> Array:
    """Return rows without gaps: each takes the value before it, a gap at the start the first value."""
    import numpy as np  # noqa: PLC0415

    known = np.isfinite(rows)
    place = np.maximum.accumulate(np.where(known, np.arange(rows.shape[1]), -1), axis=1)
    first = known.argmax(axis=1)
    place = np.where(place < 0, first[:, None], place)
    filled: Array = np.nan_to_num(np.take_along_axis(rows, place, axis=1))
    return filled


@lru_cache(maxsize=16)
def _cut_off(points: int) -> float:
    return math.hypot(CUT_OFF, math.sqrt(2 * math.log(len(_segments(points)[0]))))


def _evened(rows: Array) -> Array:
    """Return rows on a scale on which ratios count, so that a peak on a plateau does not hide the plateau."""
    import numpy as np  # noqa: PLC0415

    largest = np.abs(rows).max(axis=1, keepdims=True)
    even: Array = np.log(np.abs(rows) + np.where(largest > 0, RESOLUTION * largest, 1.0))
    return even


@lru_cache(maxsize=16)
def _segments(points: int) -> tuple[Places, Places]:
    import numpy as np  # noqa: PLC0415

    least = max(points // NORMAL_SHARE, SHORTEST)
    begin, end = np.triu_indices(points + 1, SHORTEST)
    kept = begin >= least
    return begin[kept], end[kept]


def _affected(rows: Array) -> tuple[Places, Places]:
    """Return the begin and end of the part of each row that differs most from the rest."""
    import numpy as np  # noqa: PLC0415

    points = rows.shape[1]
    begin, end = _segments(points)
    rows = _evened(rows)
    centre = np.median(rows, axis=1, keepdims=True)
    gaps = np.abs(rows - centre)
    spread = np.median(gaps, axis=1, keepdims=True)
    spread = np.where(spread > 0, spread * MAD_SCALE, gaps.mean(axis=1, keepdims=True))
    even = np.clip((rows - centre) / np.where(spread > 0, spread, 1.0), -CLIP, CLIP)
    sums = np.concatenate([np.zeros((len(rows), 1)), even.cumsum(axis=1)], axis=1)
    length = (end - begin).astype(np.float64)
    inside = sums[:, end] - sums[:, begin]
    outside = (sums[:, -1:] - inside) / (points - length)
    best = (np.abs(inside / length - outside) * np.sqrt(length * (points - length) / points)).argmax(axis=1)
    return begin[best], end[best]


def _judged(curve: Curve, times: Array, row: Array, begin: int, end: int) -> Shift | None:
    import numpy as np  # noqa: PLC0415

    normal, affected = row[:begin], row[begin:end]
    normal, affected = normal[np.isfinite(normal)], affected[np.isfinite(affected)]
    if len(normal) < SHORTEST or len(affected) < SHORTEST:
        return None
    middle = np.mean if curve.signal.rare else np.median
    before, after = float(middle(normal)), float(middle(affected))
    seconds = float(times[-1] - times[0]) / len(times) * len(affected)
    score = _rare_score(before, after, seconds) if curve.signal.rare else _score(curve, normal, before, after)
    direction = "up" if after > before else "down"
    if _over(row, begin, end, before, after) or abs(score) < _cut_off(len(row)) or not _noticed(before, after):
        usual = float(np.median(row[np.isfinite(row)]))
        return Shift(curve=curve, direction="steady", before=usual, after=usual, high=usual)
    return Shift(
        curve=curve,
        direction=direction,
        before=before,
        after=after,
        score=abs(score),
        high=float(np.quantile(affected, HIGH)),
        began=float(times[begin]),
    )


def _over(row: Array, begin: int, end: int, before: float, after: float) -> bool:
    """Say whether the curve has been back to normal for longer than it was affected."""
    import numpy as np  # noqa: PLC0415

    if len(row) - end <= end - begin:
        return False
    rest = row[end:][np.isfinite(row[end:])]
    level = float(np.median(rest)) if len(rest) else before
    return not (_noticed(before, level) and (level > before) == (after > before))


def _noticed(before: float, after: float) -> bool:
    low, high = sorted((abs(before), abs(after)))
    return high > low * NOTICED


def _score(curve: Curve, normal: Array, before: float, after: float) -> float:
    """Return the change in robust spreads, of at least the resolution in which the values are given."""
    import numpy as np  # noqa: PLC0415

    spread = MAD_SCALE * float(np.median(np.abs(normal - before)))
    levels = np.unique(curve.values[np.isfinite(curve.values)])
    quantum = float(np.diff(levels).min()) if len(levels) >= LEVELS else 0.0
    floor = max(spread, quantum, RESOLUTION * abs(before), RESOLUTION * abs(after))
    return (after - before) / floor if floor else 0.0


def _rare_score(before: float, after: float, seconds: float) -> float:
    """Return the change of a rate of rare events a second in spreads of their count (Poisson)."""
    return (after - before) * seconds / math.sqrt(max(before * seconds, 1.0))
