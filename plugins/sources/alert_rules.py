"""Alert rules of Prometheus in files: read from YAML, kept beside the runbooks, and told of alerts that fire."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from sre_orchestrator.core.documents import DocumentError, read_yaml
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.sources.ports import Alert

MOST_BYTES = 16 * 1024**2
_NEXT = re.compile(rb"^---\s*$", re.MULTILINE)


class AlertRule(Struct, frozen=True, kw_only=True):
    """An alerting rule: its name, its expression in PromQL, what it labels and says, and the file that it is from."""

    name: str
    expression: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    origin: str = ""


class _Rule(msgspec.Struct):
    alert: str = ""
    expr: str | int | float = ""
    labels: dict[str, Any] = {}
    annotations: dict[str, Any] = {}


class _Group(msgspec.Struct):
    rules: list[_Rule] = []


class _Spec(msgspec.Struct):
    groups: list[_Group] = []


class _File(msgspec.Struct):
    """A rule file of Prometheus, a PrometheusRule, or a list of those."""

    groups: list[_Group] = []
    spec: _Spec = msgspec.field(default_factory=_Spec)
    items: list[_File] = []
    kind: str = ""


def read_alert_rules(text: bytes, origin: str) -> tuple[AlertRule, ...]:
    """Return the alerting rules in a YAML file; none where it is about something else.

    Raises:
        InputError: it says that it holds rules, but cannot be read.

    """
    if b"alert:" not in text and b'"alert"' not in text:
        return ()
    found: list[AlertRule] = []
    for part in _NEXT.split(text):
        try:
            file = read_yaml(part, _File | None)  # type: ignore[arg-type]  # a union is as good as a type here
        except DocumentError as error:
            raise InputError(f"{origin}: its alert rules cannot be read: {error}; try promtool check rules") from error
        found += _rules(file, origin) if file else ()
    return tuple(found)


def keep_alert_rules(state_dir: str, files: Mapping[str, Sequence[AlertRule]]) -> None:
    """Keep the rules of files in the place of those of the same files; a file without rules is forgotten.

    Raises:
        InputError: they cannot be written.

    """
    path = _path(state_dir)
    others = [rule for rule in kept_alert_rules(state_dir) if rule.origin not in files]
    known = sorted((*others, *(rule for rules in files.values() for rule in rules)), key=lambda rule: rule.origin)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(known))
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}; choose another --state-dir") from error


def kept_alert_rules(state_dir: str) -> tuple[AlertRule, ...]:
    """Return the rules that are kept; none where nobody kept any, or they cannot be read."""
    path = _path(state_dir)
    try:
        return _read(str(path), path.stat().st_mtime_ns)
    except OSError:
        return ()


def with_kept_rules(alerts: Sequence[Alert], state_dir: str) -> Sequence[Alert]:
    """Return alerts with the expression, runbook and summary of the rule of their name, where they lack them."""
    if not alerts or not (kept := kept_alert_rules(state_dir)):
        return alerts
    by_name: dict[str, list[AlertRule]] = {}
    for rule in kept:
        by_name.setdefault(rule.name, []).append(rule)
    return [_told(alert, by_name.get(alert.labels.get("alertname", ""), ())) for alert in alerts]


def _told(alert: Alert, rules: Sequence[AlertRule]) -> Alert:
    rule = next((one for one in rules if _made(one, alert)), None)
    if rule is None:
        return alert
    plain = {name: text for name, text in rule.annotations.items() if "{{" not in text}
    annotations = {**plain, **alert.annotations}
    return msgspec.structs.replace(alert, annotations=annotations, expression=alert.expression or rule.expression)


def _made(rule: AlertRule, alert: Alert) -> bool:
    """Say whether the labels that a rule gives are those of the alert; templates may say anything."""
    return all(alert.labels.get(name, value) == value for name, value in rule.labels.items() if "{{" not in value)


def _rules(file: _File, origin: str) -> Iterator[AlertRule]:
    for group in (*file.groups, *file.spec.groups):
        for rule in group.rules:
            if rule.alert:
                yield AlertRule(
                    name=rule.alert,
                    expression=" ".join(str(rule.expr).split()),
                    labels=_texts(rule.labels),
                    annotations=_texts(rule.annotations),
                    origin=origin,
                )
    for item in file.items:
        yield from _rules(item, origin)


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value).strip() for name, value in values.items()}


def _path(state_dir: str) -> Path:
    return Path(state_dir) / "knowledge" / "alert-rules.json"


@lru_cache(maxsize=4)
def _read(path: str, changed: int) -> tuple[AlertRule, ...]:
    del changed
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=tuple[AlertRule, ...])
    except (OSError, msgspec.DecodeError):
        return ()


def metrics_in(expression: str) -> Iterable[str]:
    """Return the names of metrics in an expression, in order.

    >>> list(metrics_in('sum(rate(http_requests_total{code=~"5.."}[5m])) by (job) > 0.1'))
    ['http_requests_total']
    """
    bare = _QUOTED.sub("", expression)
    bare = _BRACES.sub("", _GROUPING.sub("", _RANGE.sub("", bare)))
    return dict.fromkeys(word for word in _METRIC.findall(bare) if "_" in word and word not in _FUNCTIONS)


_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`")
_BRACES = re.compile(r"\{[^{}]*\}")
_RANGE = re.compile(r"\[[^\]]*\]")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_FUNCTIONS = frozenset(
    f"{one}_over_time" for one in ("avg", "min", "max", "sum", "count", "quantile", "stddev", "stdvar", "last", "present", "absent")
) | {"histogram_quantile", "predict_linear", "label_replace", "label_join", "count_values", "day_of_week", "group_left", "group_right", "clamp_max", "clamp_min"}  # fmt: skip
