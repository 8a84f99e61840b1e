"""Turns one log line, plain or JSON, into its message, level and time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.agents.logs.times import Stamp, stamp_in, stamp_of

WARNING, ERROR, UNKNOWN = 30, 40, 0
MAX_TEXT = 8192
_LEVELS = {
    "trace": 10, "debug": 10, "verbose": 10, "dbug": 10, "d": 10, "finest": 10, "finer": 10, "fine": 10,
    "info": 20, "information": 20, "notice": 20, "note": 20, "log": 20, "i": 20, "config": 20,
    "warn": WARNING, "warning": WARNING, "w": WARNING,
    "error": ERROR, "err": ERROR, "severe": ERROR, "e": ERROR, "fail": ERROR,
    "fatal": 50, "critical": 50, "crit": 50, "panic": 50, "emerg": 50, "emergency": 50, "alert": 50, "f": 50, "crash": 50,
}  # fmt: skip
_KUBELET = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) ")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]+")
_PLAIN_LEVEL = re.compile(
    r"\b(?:TRACE|DEBUG|INFO|NOTICE|Note|NOTE|LOG|WARN|WARNING|Warning|ERROR|Error(?=\])|SEVERE|FATAL|CRITICAL|PANIC|EMERGENCY)\b"
    r"|(?<=level=)\"?(?:trace|debug|info|warn|warning|error|fatal|panic)\b"
    r"|(?<=\[)(?:trace|debug|info|notice|warn|warning|error|crit|alert|emerg|fatal)(?=\])"
    r"|^(?:trce|dbug|info|warn|fail|crit|error|debug|warning)(?=:\s)"
)
_LEVEL_WITHIN = 140
_KLOG = re.compile(r"^[IWEF](?=\d{4} \d\d:)")
_LEVEL_KEYS = ("severity", "level", "lvl", "levelname", "log.level", "@l", "loglevel", "log_level", "s")
_TIME_KEYS = ("time", "timestamp", "ts", "@timestamp", "t", "@t", "asctime", "datetime", "date", "timeMillis")
_TEXT_KEYS = (
    "message", "msg", "@message", "@m", "MESSAGE", "Message", "log", "text", "textPayload", "event", "short_message",
    "error", "err", "exception", "Exception", "@x", "error.message", "exception.message", "thrown", "reason", "cause",
    "detail", "details", "stack_trace", "stacktrace", "stackTrace", "stack", "exc_info", "exception.stacktrace",
    "error.stack_trace", "errorVerbose", "full_message",
)  # fmt: skip


class Said(Struct, frozen=True, kw_only=True):
    """What one line says: its message, its level on Python's scale (0 when it names none), its time."""

    text: str
    level: int = UNKNOWN
    stamp: Stamp | None = None


def read_line(line: str, today: datetime) -> Said:
    """Return what ``line`` says; a line that is no JSON object is taken as text."""
    body = body_of(line)
    stamp = stamp_in(line, today) if len(body) < len(line) else None
    if body.startswith("{"):
        found = _from_json(body, today)
        if found:
            return Said(text=found.text, level=found.level, stamp=stamp or found.stamp)
    text = cleaned(body)
    return Said(text=text, level=level_in(text), stamp=stamp or stamp_in(text, today))


def body_of(line: str) -> str:
    """Return a line without the time that the kubelet puts before it."""
    match = _KUBELET.match(line)
    return line[match.end() :] if match else line


def cleaned(text: str) -> str:
    """Return ``text`` without colours and control characters, cut to what is worth reading."""
    return _CONTROL.sub(" ", _ANSI.sub("", text[:MAX_TEXT]))


def level_in(text: str) -> int:
    """Return the level that a plain line names near its begin, or 0."""
    head = text[:_LEVEL_WITHIN]
    match = _KLOG.match(head) or _PLAIN_LEVEL.search(head)
    return _LEVELS.get(match[0].strip('"').lower(), UNKNOWN) if match else UNKNOWN


def _from_json(body: str, today: datetime) -> Said | None:
    try:
        read = msgspec.json.decode(body.rstrip())
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(read, dict):
        return None
    nested = read.get("attr") is not None and "ctx" in read
    text = body if nested else "\n".join(_texts(read)) or body
    inner = read.get("log")
    level = _level(read) or (level_in(inner) if isinstance(inner, str) else UNKNOWN)
    return Said(text=cleaned_lines(text), level=level, stamp=_stamp(read, today))


def cleaned_lines(text: str) -> str:
    """Return a message of several lines, each cleaned."""
    return "\n".join(map(cleaned, text[:MAX_TEXT].split("\n")))


def _texts(read: Mapping[str, object]) -> Iterator[str]:
    seen = set()
    for key in _TEXT_KEYS:
        value = read.get(key)
        values = _texts(value) if isinstance(value, dict) else [value]
        for one in values:
            if isinstance(one, str) and one and one not in seen:
                seen.add(one)
                yield one


def _level(read: Mapping[str, object]) -> int:
    for key in _LEVEL_KEYS:
        value = read.get(key)
        if isinstance(value, str) and value.lower() in _LEVELS:
            return _LEVELS[value.lower()]
        if isinstance(value, int) and not isinstance(value, bool) and 10 <= value <= 60:  # noqa: PLR2004 - pino's and Python's scale
            return value
    nested = read.get("log")
    return _level({"level": nested.get("level")}) if isinstance(nested, dict) else UNKNOWN


def _stamp(read: Mapping[str, object], today: datetime) -> Stamp | None:
    for key in _TIME_KEYS:
        value = read.get(key)
        found = stamp_of(value.get("$date") if isinstance(value, dict) else value, today)
        if found:
            return found
    return None
