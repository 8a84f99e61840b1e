"""Reads the text of ``systemctl status``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from sre_orchestrator.plugins.sources.ports import Unit

_ACTIVE = re.compile(
    r"^\s*Active:\s*(?P<state>[\w-]+)(?:\s*\((?P<sub>[^)]*)\))?(?:\s+since\s+(?P<since>[^;\n]+))?(?:;\s*(?P<ago>[^\n]*?)\s+ago)?",
    re.MULTILINE,
)
_ENABLED = re.compile(r"^\s*Loaded:\s*loaded\s*\([^;)]*;\s*enabled", re.MULTILINE)
_RESULT = re.compile(r"Result:\s*([\w-]+)")
_WHEN = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\s*(\S*)")
_OFFSET = re.compile(r"^([+-])(\d\d):?(\d\d)$")
_SPAN = re.compile(r"(?<!\d)(\d+)\s*(years?|y|months?|weeks?|w|days?|d|h|min|s|ms)\b")
_SECONDS = {"y": 31_557_600, "mo": 2_629_800, "w": 604_800, "d": 86_400, "h": 3600, "mi": 60, "s": 1, "ms": 0}
_QUARTER = 15
_FARTHEST = 14 * 60
TAIL = 40


def read_unit(node: str, name: str, text: str, now: datetime) -> Unit | None:
    """Return the unit as it was at ``now``, or ``None`` when the text shows no state.

    Where the time zone is an abbreviation (CST means several zones), ``since`` is worked out from
    ``now`` and the words ``… ago``, and the zone's offset from both.
    """
    match = _ACTIVE.search(text)
    if not match:
        missing = "could not be found" in text or "not-found" in text
        return Unit(node=node, name=name, state="not-found") if missing else None
    sub = match["sub"] or ""
    result = _RESULT.search(sub)
    try:
        since, offset = _since(match["since"] or "", match["ago"] or "", now)
    except (ValueError, OverflowError):  # 2030-13-45, or before the year 1
        since, offset = None, None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return Unit(
        node=node,
        name=name,
        state=match["state"],
        sub_state=sub.split(",")[0].split(" ")[0] if not result else "failed",
        since=since,
        result=result[1] if result else "",
        enabled=bool(_ENABLED.search(text)),
        utc_offset_minutes=offset,
        lines=tuple(lines[-TAIL:]),
    )


def _since(text: str, ago: str, now: datetime) -> tuple[datetime | None, int | None]:
    """Return the moment in UTC and the offset of the zone in minutes, as far as they are known."""
    spans = [(int(count), unit) for count, unit in _SPAN.findall(ago)]
    estimate = now - timedelta(seconds=sum(count * _unit_seconds(unit) for count, unit in spans)) if spans else None
    match = _WHEN.search(text)
    if not match:
        return estimate, None
    naive = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    offset = _offset(match[2])
    # systemd words the last unit down to minutes only up to five hours; hours cannot show a zone
    if offset is None and estimate and spans[-1][1] in {"min", "s", "ms"}:
        offset = round((naive - estimate).total_seconds() / 60 / _QUARTER) * _QUARTER
    if offset is None or abs(offset) > _FARTHEST:
        return estimate, None
    return naive.replace(tzinfo=timezone(timedelta(minutes=offset))).astimezone(UTC), offset


def _offset(zone: str) -> int | None:
    if zone in {"UTC", "GMT", "Z"}:
        return 0
    match = _OFFSET.match(zone)
    return (int(match[2]) * 60 + int(match[3])) * (1 if match[1] == "+" else -1) if match else None


def _unit_seconds(unit: str) -> int:
    return next(seconds for start, seconds in _SECONDS.items() if unit.startswith(start))
