"""Reads OpenMetrics text with timestamps into series."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from sre_orchestrator.core.models import Gap
from sre_orchestrator.plugins.sources.ports import Series

_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")


def read_series(path: Path) -> tuple[tuple[Series, ...], tuple[Gap, ...]]:
    """Return the series of a file, sorted by name and labels, and a gap that counts bad lines.

    Each sample line is ``name{labels} value timestamp`` with Unix seconds; samples without a
    timestamp, or whose value is no number, are bad.
    """
    samples: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    units: dict[str, str] = {}
    bad = 0
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("#"):
                words = line.split()
                if len(words) == 4 and words[1] == "UNIT":  # noqa: PLR2004 - "# UNIT name unit"
                    units[words[2]] = words[3]
                continue
            try:
                identity, value, at = line.rsplit(None, 2)
                number, moment = float(value), float(at)
                if not math.isfinite(moment):
                    raise ValueError(at)
            except ValueError:
                bad += bool(line.strip())
                continue
            times, values = samples[identity]
            times.append(moment)
            values.append(number)
    found = tuple(_series(identity, *samples[identity], units) for identity in sorted(samples))
    if not bad:
        return found, ()
    gap = Gap(
        agent="snapshot",
        what=f"{path.name}: {bad} lines",
        why="are no samples with a timestamp",
        remedy="record the metrics again",
    )
    return found, (gap,)


def _series(identity: str, times: list[float], values: list[float], units: dict[str, str]) -> Series:
    name, _, rest = identity.partition("{")
    labels = {key: _ESCAPE.sub(_unescape, value) for key, value in _LABEL.findall(rest)}
    at, what = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    order = np.argsort(at, kind="stable")
    return Series(name=name, labels=labels, times=at[order], values=what[order], unit=units.get(name, ""))


def _unescape(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]
