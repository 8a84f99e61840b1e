"""Reads the text of ``systemctl status``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from sre_orchestrator.plugins.sources.ports import Unit

_ACTIVE = re.compile(
    r"^\s*Active:\s*(?P<state>[\w-]+)(?:\s*\((?P<sub>[^)]*)\))?(?:\s+since\s+(?P<since>[^;\n]+))?", re.MULTILINE
)
_RESULT = re.compile(r"Result:\s*([\w-]+)")
_WHEN = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\s*(\S*)")
_OFFSET = re.compile(r"^([+-])(\d\d):?(\d\d)$")
TAIL = 40


def read_unit(node: str, name: str, text: str) -> Unit | None:
    """Return the unit, or ``None`` when the text shows no state.

    The time zone is used only when it is UTC or an offset; an abbreviation such as CST means
    several zones, so that ``since`` stays ``None``.
    """
    match = _ACTIVE.search(text)
    if not match:
        missing = "could not be found" in text or "not-found" in text
        return Unit(node=node, name=name, state="not-found") if missing else None
    sub = match["sub"] or ""
    result = _RESULT.search(sub)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return Unit(
        node=node,
        name=name,
        state=match["state"],
        sub_state=sub.split(",")[0].split(" ")[0] if not result else "failed",
        since=_time(match["since"] or ""),
        result=result[1] if result else "",
        lines=tuple(lines[-TAIL:]),
    )


def _time(text: str) -> datetime | None:
    match = _WHEN.search(text)
    if not match:
        return None
    naive = datetime.fromisoformat(match[1])
    zone = match[2]
    if zone in {"UTC", "GMT", "Z"}:
        return naive.replace(tzinfo=UTC)
    offset = _OFFSET.match(zone)
    if not offset:
        return None
    minutes = int(offset[2]) * 60 + int(offset[3])
    return naive.replace(tzinfo=timezone(timedelta(minutes=minutes if offset[1] == "+" else -minutes))).astimezone(UTC)
